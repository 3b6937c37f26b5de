// Files that the server makes of what is on screen. The channel, the step and the other choices of the stage are in the
// address alone, so they are read from there when somebody asks for a file.
const OWN = ["channel", "step", "sort", "scope", "gatefn"];

const save = (blob, name) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
};

export default function ({ data, parentElement }) {
  const { signal, end } = begin(parentElement);
  const [list, failed] = [".files", ".failed"].map((each) => parentElement.querySelector(each));
  const take = async (name, button) => {
    const asked = new URLSearchParams(data.query), said = new URLSearchParams(location.search);
    OWN.forEach((key) => said.has(key) && asked.set(key, said.get(key)));
    button.disabled = true;
    failed.textContent = "";
    try {
      const reply = await fetch(new URL(`take/${name}?${asked}`, document.baseURI), { signal });
      if (!reply.ok) throw new Error(reply.status);
      save(await reply.blob(), /filename="([^"]+)"/.exec(reply.headers.get("Content-Disposition"))?.[1] ?? name);
    } catch {
      failed.textContent = data.failed;
    }
    button.disabled = false;
  };
  list.replaceChildren(...Object.entries(data.files).map(([name, label]) => {
    const button = document.createElement("button");
    button.textContent = label;
    button.dataset.file = name;
    button.onclick = () => take(name, button);
    return button;
  }));
  return end;
}
