"""Write ``assets/models.json``: every classifier of timm and torchvision that has an attention block we know.

    python tools/models.py

What a row says is read from the network, which is built on the meta device: no weights, no arithmetic. It takes some
ten minutes; ``tests/test_library.py`` does the same again in its slow part and compares.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from torch import nn

from senet_viz import assets
from senet_viz.architecture import recorder
from senet_viz.models import load
from senet_viz.tap import layouts
from senet_viz.tap.replay import gate_function


def names() -> Iterator[tuple[str, str]]:
    """Yield library and name of every classifier of the two."""
    import timm
    import torchvision

    yield from (("timm", name) for name in timm.list_models())
    yield from (("torchvision", name) for name in torchvision.models.list_models(module=torchvision.models))


def row(library: str, name: str) -> dict[str, Any] | None:
    """Return what is known of that classifier, None where it has no block that we know."""
    net = load.foreign(f"{library}/{name}")
    assert net is not None  # ``names`` gave it
    places = layouts.places(net)
    if not places:
        return None
    how = _preprocessing(library, name, net)
    typical = places[len(places) // 2]
    branches = typical.layout.kind in ("sk", "split")  # they take the place of a convolution
    return {
        "library": library, "name": name, "kind": typical.layout.kind, "cls": _cls(typical.module),
        "blocks": len(places), "gate": gate_function(typical),
        "position": "conv" if branches else recorder.sits(net, typical.name, how["size"]),
        "mib": round(sum(p.numel() for p in net.state_dict().values()) * 4 / 2**20, 1), **how,
    }  # fmt: skip


def _cls(block: nn.Module) -> str:
    """Return module and class of a block: two of them are called SEModule."""
    cls = type(block)
    return f"{cls.__module__}.{cls.__qualname__}"


def _preprocessing(library: str, name: str, net: Any) -> dict[str, Any]:
    """Return how its pictures are made, and where its weights are."""
    if library == "timm":
        cfg = net.pretrained_cfg
        found = {k: cfg[k] for k in ("crop_pct", "interpolation", "mean", "std")}
        weights = f"hf:{cfg['hf_hub_id']}" if cfg.get("hf_hub_id") else cfg.get("url", "")
        if cfg["num_classes"] != 1000:  # the app names ImageNet's 1000 classes
            weights = ""
        return {"size": cfg["input_size"][1], **found, "weights": weights}
    import torchvision

    weights = torchvision.models.get_model_weights(name).DEFAULT
    made = weights.transforms()
    size, resized = made.crop_size[0], made.resize_size[0]
    return {
        "size": size, "crop_pct": size / resized, "interpolation": made.interpolation.value,
        "mean": made.mean, "std": made.std, "weights": weights.url,
    }  # fmt: skip


def rows() -> Iterator[dict[str, Any]]:
    """Yield the row of every classifier that has a known block."""
    for library, name in names():
        try:
            found = row(library, name)
        except Exception as error:
            raise RuntimeError(f"{library}/{name}") from error
        if found is not None:
            yield found


def main() -> None:
    """Write the table, a row a line."""
    lines = [json.dumps(each) for each in rows()]
    assets.MODELS.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    print(f"{len(lines)} rows in {assets.MODELS}")


if __name__ == "__main__":
    main()
