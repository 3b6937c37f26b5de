"""Write ``assets/models.json``: every classifier of timm and torchvision that has an attention block we know.

``assets/models_apart.json`` has the names of all their other networks, each with what looks like such a block in it, ""
where nothing does, or null where there are such blocks and the network gives no class scores.

    python tools/models.py

What a row says is read from the network, which is built on the meta device: no weights, no arithmetic. It takes some
ten minutes; ``tests/test_library.py`` does the same again in its slow part and compares.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

from torch import nn

from senet_viz import assets
from senet_viz.architecture import recorder
from senet_viz.models import load
from senet_viz.tap import layouts
from senet_viz.tap.replay import gate_function

NEAR = 3  # modules that are named because they look like attention blocks


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


def others() -> Iterator[str]:
    """Yield what torchvision has besides classifiers of pictures: detectors, segmenters, integer networks, videos."""
    import torchvision

    classifiers = torchvision.models.list_models(module=torchvision.models)
    yield from (name for name in torchvision.models.list_models() if name not in classifiers)


def other(name: str) -> nn.Module:
    """Return the outline of one of ``others``."""
    import torch
    import torchvision

    options = inspect.signature(torchvision.models.get_model_builder(name)).parameters
    bare = {"weights_backbone": None} if "weights_backbone" in options else {}
    with torch.device("meta"):
        return torchvision.models.get_model(name, weights=None, **bare)


def apart(net: nn.Module) -> str | None:
    """Return why a network is in no row: what looks like a block in it, or None where its blocks are known."""
    return None if layouts.places(net) else ", ".join(layouts.near_misses(net)[:NEAR])


def tables() -> tuple[list[dict[str, Any]], dict[str, str | None]]:
    """Return the rows of all classifiers that have a known block, and of all other networks why they have none."""
    rows, without = [], {}
    for library, name in names():
        try:
            found = row(library, name)
        except Exception as error:
            raise RuntimeError(f"{library}/{name}") from error
        if found is not None:
            rows.append(found)
        else:
            net = load.foreign(f"{library}/{name}")
            assert net is not None  # ``names`` gave it
            without[f"{library}/{name}"] = apart(net)
    return rows, without | {f"torchvision/{name}": apart(other(name)) for name in others()}


def main() -> None:
    """Write both tables, a row a line."""
    rows, without = tables()
    lines = [json.dumps(each) for each in rows]
    assets.MODELS.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    assets.APART.write_text(json.dumps(without, indent=0) + "\n", encoding="utf-8")
    print(f"{len(lines)} rows in {assets.MODELS}, {len(without)} in {assets.APART}")


if __name__ == "__main__":
    main()
