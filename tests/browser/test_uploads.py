"""Photos of one's own in a real browser: what is said of a file and where, limits that hold, the camera, removal."""

from __future__ import annotations

import base64
import csv
import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ImageOps
from playwright.sync_api import Browser

from senet_viz import i18n
from senet_viz.models import catalogue
from senet_viz.photos import preprocess, reading, samples, sets
from senet_viz.tap import hooks
from tests import pictures, truth
from tests.browser.conftest import ARGUMENTS, CAMERA, PATIENCE_S, Visitor, chromium, serving
from tests.test_class_profiles_page import crops, own_profile
from tests.test_pages import last_number, printed
from tests.test_sets import packed

Visit = Callable[..., Visitor]
HERE: dict[str, Any] = {"model": "tiny_se", "weights": "random", "photo": "chelsea"}


def filled(data: bytes, size: int) -> bytes:
    """A picture with bytes behind its end, up to that size."""
    return data + bytes(size - len(data))


def open_and_seen(visitor: Visitor) -> bool:
    box = visitor.page.get_by_test_id("stExpander").filter(has_text=visitor.t("photo.own"))
    said = box.get_by_test_id("stAlertContentError")
    return box.locator(".st-key-_file").is_visible() and said.is_visible()


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_every_file_gets_its_own_sentence_where_it_was_chosen(visit: Visit, lang: str) -> None:
    """No picker refuses a file in English, nothing closes, and what was said of the last file is gone."""
    visitor = visit(lang=lang).open(**HERE, lang=lang)
    uploader = visitor.own().page.locator(".st-key-_file")
    assert not uploader.locator("input[type=file]").get_attribute("accept")
    for name, data, key in (
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "error.image.drawing"),
        ("broken.heic", b"\0\0\0\x18ftypheic" + bytes(99), "error.image.truncated"),
        ("film.mov", filled(b"\0\0\0\x14ftypqt  ", reading.MAX_BYTES + 1), "error.image.too_large"),
        ("notes.txt", b"to do: nothing" * 9, "error.image.not_a_picture"),
    ):
        visitor.upload(name, data)
        visitor.until(lambda key=key: visitor.errors() == [visitor.t(key)], f"the sentence for {name}")  # type: ignore[misc]
        visitor.settle()
        assert open_and_seen(visitor), name
    visitor.upload("IMG_0001.HEIC", pictures.encode(pictures.quadrants(400, 300), "HEIF"))
    visitor.until(lambda: visitor.chosen("photo") == visitor.t("photo.mine", n=1), "the HEIC to be the photo")
    visitor.settle()
    assert visitor.errors() == [] and uploader.is_visible()


def test_own_photos_are_seen_and_removed(visitor: Visitor) -> None:
    visitor.open(**HERE)
    assert not visitor.page.locator("[class*=st-key-remove-]").count()
    for n, (width, height) in enumerate(((400, 300), (300, 400)), 1):
        visitor.upload(f"{n}.png", pictures.encode(pictures.quadrants(width, height), "PNG"))
        visitor.until(lambda n=n: visitor.chosen("photo") == visitor.t("photo.mine", n=n), "the upload")  # type: ignore[misc]
        visitor.settle()
        drawn = visitor.page.locator(f".st-key-mine-{n} img")
        visitor.until(lambda drawn=drawn: drawn.evaluate("i => i.complete && i.naturalWidth"), "a thumbnail")  # type: ignore[misc]
    visitor.page.locator(".st-key-remove-2 button").click()
    visitor.until(lambda: visitor.chosen("photo") == visitor.t("sample.chelsea"), "another photo")
    visitor.settle()
    assert visitor.page.locator("[class*=st-key-remove-]").count() == 1
    pills = visitor.page.locator(".st-key-photo button").all_inner_texts()
    assert pills[-1].strip() == visitor.t("photo.mine", n=1)


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="needs prlimit of util-linux")
def test_the_limits_hold_and_nothing_is_written(browser: Browser, tmp_path: Path) -> None:
    """A photo and a zip of the size that is promised, at a server that cannot write a file of a megabyte."""
    with serving(tmp_path, largest=2**20) as address:
        visitor = Visitor(browser, address).open(**HERE)
        visitor.upload("largest.png", filled(pictures.encode(pictures.quadrants(), "PNG"), reading.MAX_BYTES))
        visitor.until(lambda: visitor.chosen("photo") == visitor.t("photo.mine", n=1), "the upload to be the photo")
        visitor.settle()
        assert visitor.errors() == []

        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as file:
            for n in range(4):
                photo = pictures.encode(pictures.quadrants(200 + n, 200), "PNG")
                file.writestr(f"{n}.png", filled(photo, reading.MAX_BYTES - 100))
        data = packed.getvalue()
        assert sets.MAX_ZIP - 2**10 < len(data) <= sets.MAX_ZIP
        where = tmp_path / "holiday.zip"
        where.write_bytes(data)
        visitor.open("kernel_selection", **HERE | {"model": "tiny_sk", "set": "mine"})
        box = visitor.page.get_by_test_id("stFileUploader").filter(has=visitor.page.locator("input[multiple]"))
        box.locator("input[type=file]").set_input_files(where, timeout=PATIENCE_S * 1000)
        start = visitor.t("scale.kernel.set.count", photos=4, n=0, holds=0, mixed=0, fails=0).split(".")[0]
        visitor.until(lambda: start in visitor.page.get_by_test_id("stMain").inner_text(), "four photos to be measured")
        visitor.settle()
        assert visitor.errors() == []
        visitor.leave()


def test_without_a_secure_address_the_camera_says_so(browser: Browser, server: str) -> None:
    """A page over http from another computer: here, a name that only this browser takes for this computer."""
    rules = "--host-resolver-rules=MAP classroom.example 127.0.0.1"
    here = browser.browser_type.launch(executable_path=chromium(), args=[*ARGUMENTS, rules])
    try:
        for address, allowed in ((server, True), (server.replace("127.0.0.1", "classroom.example"), False)):
            visitor = Visitor(here, address).open(**HERE).own()
            assert visitor.page.evaluate("isSecureContext") is allowed
            assert visitor.page.locator(".st-key-_camera_on input").is_enabled() is allowed
            said = visitor.page.get_by_test_id("stSidebar").inner_text()
            assert (visitor.t("photo.camera.none") in said) is not allowed
            visitor.leave()
    finally:
        here.close()


def test_a_photo_from_the_camera_is_traced(visitor: Visitor) -> None:
    """The page's number is that of the very picture which the camera gave it."""
    visitor.open(**HERE | {"block": "layer3.1.se", "channel": 17}).own()
    page = visitor.page
    page.locator(".st-key-_camera_on label").first.click()
    shoot = page.get_by_test_id("stCameraInputButton")
    visitor.until(lambda: shoot.count() and shoot.is_enabled(), "the camera")
    video = page.locator("[data-testid=stCameraInput] video")
    visitor.until(lambda: video.evaluate("v => v.readyState >= 2 && v.videoWidth > 0"), "its picture")
    shoot.click()
    visitor.until(lambda: visitor.chosen("photo") == visitor.t("photo.mine", n=1), "the shot to be the photo")
    visitor.settle()
    assert visitor.errors() == [] and "photo" not in visitor.url()
    given = page.locator("[data-testid=stCameraInput] img").evaluate(
        """async image => {
            const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
            return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(""));
        }"""
    )
    shot = reading.read(base64.b64decode(given))
    x = preprocess.preprocess(shot, catalogue.spec("tiny_se")).x
    z = truth.z(hooks.run(truth.model("tiny_se"), x, keep_u=("layer3.1.se",)).block("layer3.1.se"))
    assert last_number(visitor.formula("z_{17}=")) == printed(float(z[17]))
    seen, wanted = (np.asarray(ImageOps.fit(each, (32, 24)), float) for each in (shot, samples.sample(CAMERA)))
    assert np.corrcoef(seen.ravel(), wanted.ravel())[0, 1] > 0.9, "what stands before the camera"


def test_class_folders_of_ones_own_are_profiled(visitor: Visitor, tmp_path: Path) -> None:
    """A zip of class folders takes the place of the shipped profile, and the figure's table holds its own means."""
    entries = crops(each=2)
    visitor.open("class_profiles", **HERE | {"weights": "pretrained", "source": "mine", "panels": "layer4.1.se"})
    where = tmp_path / "set.zip"
    where.write_bytes(packed(entries))
    visitor.page.locator(".st-key-_classes_zip input[type=file]").set_input_files(where, timeout=PATIENCE_S * 1000)
    main = visitor.page.get_by_test_id("stMain")
    said = visitor.t("photos.classes", n=6, k=3, each="cup 2 · flower 2 · temple 2").replace("**", "")
    visitor.until(lambda: said in main.inner_text(), "the classes and how many photos they have")
    visitor.until(lambda: main.locator(".st-key-chart-roles-fig6 .main-svg").count(), "their curves")
    assert visitor.rest().errors() == []
    rows = list(csv.DictReader(io.StringIO(Path(visitor.download("roles-fig6", "csv").path()).read_text("utf-8-sig"))))
    own = own_profile(entries)["layer4.1.se"]
    assert len(rows) > 8
    for row in rows:
        for name, gates in own.items():
            assert float(row[name]) == pytest.approx(gates[:, int(row["channel"])].mean(), abs=1e-5)
