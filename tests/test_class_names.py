"""Class names: complete, in order, in both languages, and the same name for the same class everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import save_file
from torchvision.models._meta import _IMAGENET_CATEGORIES

from senet_viz.models import catalogue, class_names, weight_files
from senet_viz.models.catalogue import MODELS, ModelSpec
from senet_viz.networks.tiny import TinyNet

IMAGENET = catalogue.spec("mobilenet_v3_small")
KNOWN = {  # spread over the whole list, so that one name too many or too few cannot hide
    0: "丁鱥", 1: "金鱼", 50: "美国短吻鳄", 99: "鹅", 105: "考拉", 134: "鹤",
    145: "王企鹅", 151: "吉娃娃", 207: "金毛寻回犬", 235: "德国牧羊犬", 281: "虎斑猫", 291: "狮子",
    323: "帝王蝶", 340: "斑马", 387: "小熊猫", 388: "大熊猫", 398: "算盘", 404: "客机",
    474: "开襟毛衣", 508: "电脑键盘", 517: "起重机", 589: "吹风机", 604: "沙漏", 637: "邮箱",
    673: "鼠标", 720: "药瓶", 779: "校车", 817: "跑车", 849: "茶壶", 879: "雨伞",
    920: "交通信号灯", 950: "橙子", 963: "披萨", 967: "意式浓缩咖啡", 980: "火山", 985: "雏菊",
    999: "卫生纸",
}  # fmt: skip


def test_imagenet_in_english_is_torchvisions() -> None:
    assert class_names.names(IMAGENET) == tuple(_IMAGENET_CATEGORIES)
    assert class_names.names(IMAGENET)[281] == "tabby"


def test_imagenet_in_chinese_is_complete_and_in_order() -> None:
    chinese = class_names.names(IMAGENET, "zh")
    assert len(chinese) == len(set(chinese)) == 1000
    assert {i: chinese[i] for i in KNOWN} == KNOWN
    for name, english in zip(chinese, _IMAGENET_CATEGORIES, strict=True):
        assert name == name.strip()
        assert english == "iPod" or any("\u3400" <= c <= "\u9fff" for c in name), english


def test_the_small_list_says_the_same_as_the_large_one() -> None:
    tiny = json.loads((class_names.FOLDER / "tiny.json").read_text(encoding="utf-8"))
    chinese = class_names.names(IMAGENET, "zh")
    assert len(tiny) == 200
    for wnid, row in tiny.items():
        assert wnid[0] == "n"
        assert wnid[1:].isdecimal()
        assert len(wnid) == 9
        assert row["zh"] == chinese[_IMAGENET_CATEGORIES.index(row["en"])]


@pytest.mark.parametrize("row", MODELS, ids=lambda row: row.key)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_model_has_a_name_for_every_output(row: ModelSpec, lang: str) -> None:
    names = class_names.names(row, lang)
    assert len(names) == class_names.count(row)
    assert all(names)


def test_ours_follow_their_weight_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meta = {"format": weight_files.FORMAT, "recipe": '{"block": "se"}', "top1": "{}"}
    meta |= {"train_pictures": "6", "val_pictures": "4", "train_seconds": "12", "device": "cpu"}
    meta["classes"] = json.dumps(["n07920052", "n02509815", "n99999999"])
    save_file(TinyNet("se", 3).state_dict(), tmp_path / "tiny_se.safetensors", metadata=meta)
    monkeypatch.setenv(weight_files.LOCAL, str(tmp_path))
    row = catalogue.spec("tiny_se")
    assert class_names.names(row) == ("espresso", "lesser panda", "n99999999")
    assert class_names.names(row, "zh") == ("意式浓缩咖啡", "小熊猫", "n99999999")
    assert class_names.count(row) == 3


@pytest.mark.parametrize("lang", ["fr", "../zh", ""])
def test_another_language_is_english(lang: str) -> None:
    assert class_names.names(IMAGENET, lang)[281] == "tabby"
    assert class_names.names(catalogue.spec("tiny_se"), lang) == class_names.names(catalogue.spec("tiny_se"), "en")
