"""Bad pictures give one clear reason, good ones the right pixels, and a Picture is what the libraries would compute."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from senet_viz import i18n
from senet_viz.errors import ImageRejected
from senet_viz.models import catalogue
from senet_viz.photos import bounds, decode, decoders, preprocess, reading, samples
from tests import pictures
from tests.pictures import BLUE, GREEN, RED, YELLOW, encode, quadrants

WHITE = (255, 255, 255)
pytestmark = [  # what Pillow says about broken files; the explicit checks must hold without its alarm
    pytest.mark.filterwarnings("ignore::UserWarning:PIL"),
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
]


def corners(image: Image.Image) -> np.ndarray:
    """The middles of the four quadrants: (4, 3) int."""
    w, h = image.size
    at = [(w // 4, h // 4), (3 * w // 4, h // 4), (w // 4, 3 * h // 4), (3 * w // 4, 3 * h // 4)]
    return np.array([image.getpixel(p) for p in at], dtype=int)


def assert_upright(image: Image.Image, tolerance: int = 0) -> None:
    assert image.mode == "RGB"
    assert image.size == (64, 48)
    assert np.abs(corners(image) - np.array([RED, GREEN, BLUE, YELLOW])).max() <= tolerance


def rejected(source: object) -> ImageRejected:
    with pytest.raises(ImageRejected) as caught:
        reading.read(source)  # type: ignore[arg-type]
    assert caught.value.reason in reading.REASONS
    assert caught.value.code == f"image.{caught.value.reason}"
    return caught.value


# --- refused, with the reason -------------------------------------------------------------------------------------

BAD = {
    "nothing": (b"", "empty"),
    "a text": (b"Dear teacher, this is not a photo.\n" * 50, "not_a_picture"),
    "random bytes": (np.random.default_rng(3).bytes(5000), "not_a_picture"),
    "a PNG of junk": (b"\x89PNG\r\n\x1a\n" + b"junk" * 100, "truncated"),
    "a JPEG of junk": (b"\xff\xd8\xff\xe0" + b"junk" * 100, "truncated"),
    "1x1": (encode(Image.new("RGB", (1, 1)), "PNG"), "too_small"),
    "7x100": (encode(Image.new("RGB", (7, 100)), "PNG"), "too_small"),
    "20000x1": (encode(Image.new("RGB", (20_000, 1)), "PNG"), "too_thin"),
    "20x421": (encode(Image.new("RGB", (20, 421)), "PNG"), "too_thin"),
    "PDF": (b"%PDF-1.7\n" + b"0" * 99, "format"),
    "HEIC of nothing": (b"\0\0\0\x18ftypheic" + b"\0" * 99, "truncated"),
    "AVIF of nothing": (b"\0\0\0\x18ftypavif" + b"\0" * 99, "truncated"),
    "MP4": (b"\0\0\0\x18ftypisom" + b"\0" * 99, "format"),
    "SVG": (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "drawing"),
    "ICO": (encode(quadrants(), "ICO"), "format"),
    "PNM": (encode(quadrants(), "PPM"), "format"),
    "JPEG 2000": (encode(quadrants(), "JPEG2000"), "format"),
    "too long a file": (b"\xff\xd8\xff" + b"\0" * reading.MAX_BYTES, "too_large"),
    "one megapixel too many": (encode(Image.new("1", (6250, 4000)), "PNG"), "too_many_pixels"),
    "a BMP that promises more rows": (pictures.bmp_liar(), "truncated"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_pictures_are_refused_with_the_reason(name: str) -> None:
    data, reason = BAD[name]
    assert rejected(data).reason == reason


def test_foreign_formats_are_named() -> None:
    for name in ("PDF", "MP4", "ICO", "PNM", "JPEG 2000"):
        assert rejected(BAD[name][0]).details["format"] == name


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_who_uploads_is_told_every_format_and_the_most_bytes(lang: str) -> None:
    said = i18n.text("photo.upload", lang)
    assert f" {reading.MAX_BYTES // 2**20} MB" in said
    for suffixes in decode.FORMATS.values():
        assert any(suffix[1:] in said.lower() for suffix in suffixes), suffixes


@pytest.mark.parametrize("format", decode.FORMATS)
def test_half_a_file_is_refused(format: str) -> None:
    assert rejected(pictures.truncated(format)).reason == "truncated"


def outcome(data: bytes) -> str:
    """``"RGB"`` for a picture, else the reason; anything but ``ImageRejected`` fails the test."""
    try:
        return reading.read(data).mode
    except ImageRejected as error:
        return error.reason


@pytest.mark.parametrize("format", decode.FORMATS)
def test_every_cut_and_every_flip_gives_a_picture_or_a_reason(format: str) -> None:
    data = encode(pictures.noise(24, 20), format)
    rng = np.random.default_rng(1)
    cuts = {outcome(data[:cut]) for cut in rng.integers(0, len(data), 60)}
    assert "truncated" in cuts
    assert cuts <= {"RGB", "empty", "truncated", "not_a_picture"}
    for _ in range(200):
        broken = bytearray(data)
        for at in rng.integers(0, min(len(data), 200), 3):
            broken[at] = rng.integers(256)
        assert outcome(bytes(broken)) in ("RGB", *reading.REASONS)


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    bomb = pictures.png_bomb()
    assert len(bomb) < 500_000
    tracemalloc.start()
    try:
        error = rejected(bomb)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert error.reason == "too_many_pixels"
    assert error.details["limit"] == 24
    assert peak < 20_000_000


# --- files that ask for more work than any photo --------------------------------------------------------------------

COSTLY = {
    "scans": pictures.many_scans(bounds.SCANS + 1),
    "segments": pictures.with_segments(*[(0xEF, b"")] * (bounds.SEGMENTS + 1)),
    "bytes between segments": b"\xff\xd8" + b"\xff" * (bounds.JUNK + 9) + pictures.with_segments()[2:],
    "fractions in a JPEG": pictures.with_exif(pictures.fractions(bounds.NUMBERS + 1)),
    "fractions in its list of pictures": pictures.with_segments(
        (0xE2, b"MPF\0" + pictures.shared_bytes(8, 7000, kind=5))
    ),
    "fractions in a PNG": pictures.with_chunks((b"eXIf", pictures.fractions(bounds.NUMBERS + 1))),
    "fractions in a WebP": pictures.with_riff(b"EXIF", pictures.fractions(bounds.NUMBERS + 1)),
    "tags that share their bytes": pictures.with_exif(pictures.shared_bytes(900, 100_000)),
    "tags": pictures.with_exif(pictures.shared_bytes(bounds.TAGS + 1, 4)),
    "headers before EXIF": pictures.with_chunks((b"eXIf", b"Exif\0\0" * 9 + pictures.fractions(1))),
    "strips": pictures.many_strips(bounds.NUMBERS + 1),
    "chunks": pictures.with_chunks(*[(b"teSt", b"")] * (bounds.CHUNKS + 1)),
    "chunks of a WebP": pictures.with_riff(b"teSt", b"") + b"teSt\0\0\0\0" * bounds.CHUNKS,
    "blocks of a comment": pictures.with_comment(bounds.BLOCKS + 1),
}


@pytest.mark.parametrize("name", COSTLY)
def test_a_file_that_asks_for_too_much_is_refused_before_it_is_opened(name: str) -> None:
    with pytest.raises(ImageRejected) as caught:
        bounds.check(COSTLY[name])
    assert caught.value.reason == "costly"
    assert rejected(COSTLY[name]).reason == "costly"


@pytest.mark.parametrize(
    "data",
    [
        pictures.many_scans(bounds.SCANS),
        pictures.with_segments(*[(0xEF, b"\xff\xda" * 9)] * (bounds.SEGMENTS // 2)),  # scans that are none
        pictures.with_exif(pictures.fractions(bounds.NUMBERS // 2)),
        pictures.with_chunks(*[(b"teSt", b"")] * (bounds.CHUNKS // 2)),
        pictures.with_comment(bounds.BLOCKS // 2),
    ],
)
def test_a_file_that_asks_for_much_is_read(data: bytes) -> None:
    assert_upright(reading.read(data), 25)


def test_a_file_that_takes_too_long_is_ended_and_the_next_is_read() -> None:
    some = decoders.Decoders(count=1, seconds=0.05)
    try:
        with pytest.raises(ImageRejected) as caught:
            some.decode(pictures.many_scans(bounds.SCANS, 6000, 4000))
        assert caught.value.reason == "costly"
        some.seconds = 60
        assert_upright(some.decode(encode(quadrants(), "PNG")))
    finally:
        some.close()


def test_a_file_that_takes_too_much_memory_is_refused_and_the_next_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "MEMORY", 150 * 2**20)
    some = decoders.Decoders(count=1, seconds=60)
    try:
        with pytest.raises(ImageRejected) as caught:
            some.decode(encode(Image.new("RGBA", (6000, 4000)), "PNG"))
        assert caught.value.reason == "costly"
        assert_upright(some.decode(encode(quadrants(), "PNG")))
    finally:
        some.close()


def test_a_decoder_that_was_ended_from_outside_is_replaced() -> None:
    some = decoders.Decoders(count=1, seconds=60)
    try:
        assert_upright(some.decode(encode(quadrants(), "PNG")))
        process = some._places.get()
        assert process is not None
        process._process.kill()
        some._places.put(process)
        assert_upright(some.decode(encode(quadrants(), "PNG")))
    finally:
        some.close()


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks into /proc")
def test_decoders_know_no_torch_and_end_with_their_process(tmp_path: Path) -> None:
    script = (
        "import sys; from senet_viz.photos.decoders import Decoders; some = Decoders(1)\n"
        "assert some.decode(sys.stdin.buffer.read()).size == (64, 48)\n"
        "pid = some._places.queue[0]._process.pid\n"
        "maps = open(f'/proc/{pid}/maps').read(); print(pid, 'torch' in maps, 'torch' in sys.modules, flush=True)\n"
        "import os; os._exit(0)"  # as if it were killed: nothing is tidied up
    )
    asked = encode(quadrants(), "PNG")
    said = subprocess.run([sys.executable, "-c", script], input=asked, stdout=subprocess.PIPE, check=True).stdout
    pid, *torch_is_there = said.split()
    assert torch_is_there == [b"False", b"False"]
    end = time.monotonic() + 60
    while alive(int(pid)) and time.monotonic() < end:
        time.sleep(0.01)
    assert not alive(int(pid))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_text_file_named_png(tmp_path: Path) -> None:
    file = tmp_path / "cat.png"
    file.write_text("not a cat")
    assert rejected(file).reason == "not_a_picture"
    assert rejected(str(file)).reason == "not_a_picture"


def test_a_missing_file_a_folder_and_an_impossible_name(tmp_path: Path) -> None:
    error = rejected(tmp_path / "nowhere.jpg")
    assert error.reason == "missing"
    assert error.details["name"] == "nowhere.jpg"
    assert rejected(tmp_path).reason == "missing"
    assert rejected("a\0b.png").reason == "missing"


# --- the right pixels ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "tolerance"), [("PNG", 0), ("BMP", 0), ("TIFF", 0), ("GIF", 0), ("JPEG", 6), ("HEIF", 6), ("AVIF", 6)]
)
def test_formats(format: str, tolerance: int) -> None:
    assert_upright(reading.read(encode(quadrants(), format, **({"quality": 98} if tolerance else {}))), tolerance)


def test_webp_and_a_name_that_lies(tmp_path: Path) -> None:
    file = tmp_path / "really.jpg"
    file.write_bytes(encode(quadrants(), "WEBP", lossless=True))
    assert_upright(reading.read(file))


def test_sources_agree(tmp_path: Path) -> None:
    data = encode(quadrants(), "PNG")
    file = tmp_path / "a.png"
    file.write_bytes(data)
    stream = io.BytesIO(data)
    stream.seek(10)  # a form may have been read already
    results = [reading.read(s) for s in (data, file, str(file), stream)]
    assert all(r.tobytes() == quadrants().tobytes() for r in results)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_turned_by_exif(orientation: int, format: str) -> None:
    sharp = {"quality": 98, "subsampling": 0}
    options = {"JPEG": sharp, "WEBP": {"lossless": True}, "HEIF": {"quality": 98}, "AVIF": {"quality": 98}}
    picture = reading.read(pictures.oriented(orientation, format, **options.get(format, {})))
    assert_upright(picture, 6 if format in ("JPEG", "HEIF", "AVIF") else 0)
    assert not picture.getexif()


def test_compressed_tiff_turned_by_exif() -> None:
    assert_upright(reading.read(pictures.oriented(6, "TIFF", compression="tiff_lzw")))


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_an_animation_gives_its_first_frame(format: str) -> None:
    assert_upright(reading.read(pictures.animation(format)))


def test_a_phone_photo_of_two_pictures_gives_the_first() -> None:
    data = encode(quadrants(), "MPO", save_all=True, append_images=[Image.new("RGB", (64, 48))], quality=98)
    assert_upright(reading.read(data), 6)


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk(format: str) -> None:
    cmyk = quadrants().convert("CMYK")
    options = {"quality": 98} if format == "JPEG" else {}
    data = encode(cmyk, format, **options)  # Pillow writes CMYK JPEGs inverted with an Adobe marker, as Photoshop does
    assert (b"Adobe" in data) == (format == "JPEG")
    assert_upright(reading.read(data), 8 if format == "JPEG" else 1)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L"])
def test_transparent_parts_are_white(mode: str) -> None:
    options = {"P": {"transparency": 7}, "L": {"transparency": 0}}.get(mode, {})
    picture = reading.read(encode(pictures.holed(mode), "PNG", **options))
    seen = corners(picture)
    assert (seen[[1, 3]] == WHITE).all()
    expected = np.array([RED, BLUE] if mode in ("RGBA", "P") else [[c] * 3 for c in corners_grey()])
    assert np.abs(seen[[0, 2]] - expected).max() <= 1


def corners_grey() -> list[int]:
    grey = quadrants().convert("L")
    return [grey.getpixel((16, 12)), grey.getpixel((16, 36))]


def test_half_transparent_is_half_white() -> None:
    image = Image.new("RGBA", (16, 16), (0, 0, 0, 128))
    assert reading.read(encode(image, "PNG")).getpixel((8, 8)) == (127, 127, 127)


def test_a_palette_without_alpha_and_one_bit() -> None:
    assert_upright(reading.read(encode(quadrants().quantize(4), "PNG")))
    bits = np.zeros((20, 20), bool)
    bits[:, 10:] = True
    picture = reading.read(encode(Image.fromarray(bits), "PNG"))
    assert picture.getpixel((2, 2)) == (0, 0, 0)
    assert picture.getpixel((17, 2)) == WHITE


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_not_clipped(format: str) -> None:
    ramp = pictures.ramp16()
    picture = np.asarray(reading.read(encode(Image.fromarray(ramp), format)))
    assert np.array_equal(picture[0, :, 0], np.rint(ramp[0] / 257.0))
    assert len(np.unique(picture)) == 64


def test_16_bit_big_endian() -> None:
    data = encode(Image.frombytes("I;16B", (64, 48), pictures.ramp16().astype(">u2").tobytes()), "TIFF")
    assert np.asarray(reading.read(data))[0, :, 0].tolist() == np.rint(pictures.ramp16()[0] / 257.0).tolist()


@pytest.mark.parametrize("white", [1.0, 255.0, 65535.0, 1e6])
def test_float_grey_is_scaled_to_what_its_white_must_be(white: float) -> None:
    ramp = np.tile(np.linspace(0, white, 64, dtype=np.float32), (48, 1))
    picture = np.asarray(reading.read(encode(Image.fromarray(ramp), "TIFF")))
    assert np.abs(picture[0, :, 0].astype(int) - np.linspace(0, 255, 64)).max() <= 0.51


def test_float_grey_with_negative_values_and_no_number() -> None:
    ramp = np.tile(np.linspace(-2, 2, 64, dtype=np.float32), (48, 1))
    ramp[1, 1] = np.nan
    picture = np.asarray(reading.read(encode(Image.fromarray(ramp), "TIFF")))
    assert picture[0, 0, 0] == 0
    assert (np.diff(picture[0, :, 0].astype(int)) >= 0).all()
    assert len(np.unique(picture[0])) == 64


def test_32_bit_integers() -> None:
    image = Image.fromarray(pictures.ramp16().astype(np.int32))
    picture = np.asarray(reading.read(encode(image, "TIFF")))
    assert np.array_equal(picture[0, :, 0], np.rint(pictures.ramp16()[0] / 257.0))


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_a_big_photo_is_made_smaller_and_stays_itself(format: str) -> None:
    picture = reading.read(encode(quadrants(5000, 3000), format))
    assert picture.size == (1600, 960)
    assert np.abs(corners(picture) - np.array([RED, GREEN, BLUE, YELLOW])).max() <= 8


@pytest.mark.parametrize("format", ["JPEG", "progressive", "AVIF"])
def test_a_photo_of_48_megapixels_is_read(format: str) -> None:
    options = {"progressive": {"progressive": True}, "AVIF": {"speed": 10, "quality": 30}}.get(format, {})
    data = encode(quadrants(8000, 6000), "AVIF" if format == "AVIF" else "JPEG", **options)
    picture = reading.read(data)
    assert picture.size == (1600, 1200)
    assert np.abs(corners(picture) - np.array([RED, GREEN, BLUE, YELLOW])).max() <= 8


def test_a_photo_of_even_more_is_refused() -> None:
    error = rejected(encode(Image.new("L", (10_000, 6500)), "JPEG"))
    assert error.reason == "too_many_pixels" and error.details["limit"] == 64


def test_a_small_photo_is_not_enlarged_on_reading() -> None:
    assert reading.read(encode(quadrants(8, 8), "PNG")).size == (8, 8)


def test_damaged_metadata_does_not_spoil_good_pixels() -> None:
    data = encode(quadrants(), "JPEG", quality=98, exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01\x12" * 40)
    assert_upright(reading.read(data), 6)


def test_many_threads_read_the_same_pixels() -> None:
    data, seen = encode(pictures.noise(), "PNG"), []
    threads = [threading.Thread(target=lambda: seen.append(reading.read(data).tobytes())) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [pictures.noise().tobytes()] * 12


# --- what a model sees --------------------------------------------------------------------------------------------

PHOTOS = [(451, 300), (300, 451), (640, 427), (100, 37), (37, 301), (224, 224), (256, 256), (1600, 1067)]


def photo(size: tuple[int, int]) -> Image.Image:
    return samples.sample("chelsea").resize(size, Image.Resampling.BICUBIC)


@pytest.mark.parametrize("key", [s.key for s in catalogue.MODELS if s.source == "timm"])
def test_pixels_are_timms(key: str) -> None:
    import timm.data

    spec = catalogue.spec(key)
    config = timm.data.resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg(spec.arch).to_dict())
    transform = timm.data.create_transform(**config)
    for size in PHOTOS:
        assert torch.equal(preprocess.preprocess(photo(size), spec).x[0], transform(photo(size))), size


@pytest.mark.parametrize("key", [s.key for s in catalogue.MODELS if s.source == "torchvision"])
def test_pixels_are_torchvisions(key: str) -> None:
    from torchvision.models import get_model_weights

    spec = catalogue.spec(key)
    transform = next(w for w in get_model_weights(spec.arch) if w.url == spec.weights).transforms()
    for size in PHOTOS:
        assert torch.equal(preprocess.preprocess(photo(size), spec).x[0], transform(photo(size))), size


@pytest.mark.parametrize("side", [96, 160, 288, 320])
def test_other_sizes_are_timms_too(side: int) -> None:
    import timm.data

    spec = catalogue.spec("skresnext50_32x4d")
    config = timm.data.resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg(spec.arch).to_dict())
    transform = timm.data.create_transform(**{**config, "input_size": (3, side, side)})
    assert torch.equal(preprocess.preprocess(photo((451, 300)), spec, side).x[0], transform(photo((451, 300))))


@pytest.mark.parametrize("spec", catalogue.MODELS, ids=lambda s: s.key)
def test_shown_is_what_x_holds(spec: catalogue.ModelSpec) -> None:
    picture = preprocess.preprocess(samples.sample("coffee"), spec)
    assert picture.shown.shape == (spec.size, spec.size, 3)
    assert picture.shown.dtype == np.uint8
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (spec.mean, spec.std))
    again = (torch.tensor(picture.shown).permute(2, 0, 1)[None].float() / 255 - mean) / std
    assert torch.equal(picture.x, again)
    assert torch.equal(
        ((picture.x * std + mean) * 255).round().to(torch.uint8)[0].permute(1, 2, 0), torch.tensor(picture.shown)
    )


def test_sizes_that_are_not_square_or_larger_than_the_photo() -> None:
    spec = catalogue.spec("mobilenet_v3_small")
    for size in [(64, 160), (160, 64), (500, 500), (1, 1), 33]:
        height, width = (size, size) if isinstance(size, int) else size
        for wh in [(451, 300), (20, 20), (300, 20)]:
            picture = preprocess.preprocess(photo(wh), spec, size)
            assert picture.shown.shape == (height, width, 3)
            assert picture.x.shape == (1, 3, height, width)
    assert_upright_crop(preprocess.preprocess(quadrants(), spec, (64, 160)).shown)


def assert_upright_crop(shown: np.ndarray) -> None:
    assert np.abs(corners(Image.fromarray(shown)) - np.array([RED, GREEN, BLUE, YELLOW])).max() <= 2


def test_size_zero_and_pixels_of_another_kind_raise() -> None:
    spec = catalogue.spec("tiny_se")
    with pytest.raises(ValueError, match="at least 1"):
        preprocess.preprocess(quadrants(), spec, 0)
    with pytest.raises(ValueError, match="uint8"):
        preprocess.as_picture(np.zeros((8, 8, 3), np.float32), spec)
    with pytest.raises(ValueError, match="uint8"):
        preprocess.as_picture(np.zeros((8, 8), np.uint8), spec)


def test_the_key_knows_one_pixel_the_size_and_the_normalisation() -> None:
    from dataclasses import replace

    spec = catalogue.spec("tiny_se")
    shown = np.zeros((900, 900, 3), np.uint8)
    other = shown.copy()
    other[700, 700, 1] = 1
    keys = {
        preprocess.as_picture(shown, spec).key,
        preprocess.as_picture(other, spec).key,
        preprocess.as_picture(shown.reshape(450, 1800, 3), spec).key,
        preprocess.as_picture(shown, replace(spec, mean=(0.5, 0.5, 0.5))).key,
    }
    assert len(keys) == 4
    assert preprocess.as_picture(shown.copy(), spec).key in keys


def test_a_picture_does_not_change_with_the_array_it_was_made_from() -> None:
    shown = np.zeros((8, 8, 3), np.uint8)
    picture = preprocess.as_picture(shown, catalogue.spec("tiny_se"))
    shown[:] = 9
    assert picture.shown.max() == 0
    with pytest.raises(ValueError, match="read-only"):
        picture.shown[0, 0, 0] = 1


# --- samples ------------------------------------------------------------------------------------------------------


def test_samples_need_no_network_and_no_cache(
    socket_disabled: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "SKIMAGE_DATADIR", "SCIKIT_LEARN_DATA"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))
    samples.sample.cache_clear()
    seen = {s.key: samples.sample(s.key) for s in samples.SAMPLES}
    assert next(iter(seen)) == "chelsea"
    assert all(p.mode == "RGB" and min(p.size) >= 300 for p in seen.values())
    assert len({p.tobytes() for p in seen.values()}) == len(samples.SAMPLES)
    assert not (tmp_path / "nowhere").exists()


def test_samples_are_the_libraries_own_pictures() -> None:
    from skimage import data
    from sklearn.datasets import load_sample_image

    assert np.array_equal(np.asarray(samples.sample("chelsea")), data.chelsea())
    assert np.array_equal(np.asarray(samples.sample("flower")), load_sample_image("flower.jpg"))


def test_an_unknown_sample_raises() -> None:
    with pytest.raises(KeyError):
        samples.sample("dog")


def test_samples_have_a_title_and_a_credit() -> None:
    for sample in samples.SAMPLES:
        assert sample.title == f"sample.{sample.key}"
        assert sample.credit
