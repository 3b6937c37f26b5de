"""Whether a network notices what it does not know: the score by hand, the rates, the record, what is said of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from senet_viz import i18n
from senet_viz.cli import main
from senet_viz.findings import model_card
from senet_viz.models import catalogue, weight_files
from senet_viz.open_set import card, measuring, rates, record
from senet_viz.open_set.evidence import evidence
from senet_viz.photos import preprocess, samples
from senet_viz.tap import hooks
from tests import pictures, truth
from tests.test_pages import fresh, start, words

KEY = "tiny_se"
__all__ = ["fresh"]  # a fixture: asked for by name


def strange_sample() -> str:
    """The sample with the lowest score of the shipped network: below the threshold by its own numbers."""
    scores = {}
    for sample in samples.SAMPLES:
        x = preprocess.preprocess(samples.sample(sample.key), catalogue.spec(KEY)).x
        scores[sample.key] = record.score(KEY, hooks.run(truth.model(KEY, "pretrained"), x))
    return min(scores, key=lambda key: scores[key] or 0)


# --- rates ------------------------------------------------------------------------------------------------------------


def test_the_rates_by_counting() -> None:
    rng = np.random.default_rng(0)
    own, other = rng.normal(1, 1, 200), rng.normal(0, 1, 300)
    limit = rates.threshold(own)
    assert (own < limit).sum() == 30, "15 % of 200, no more"
    assert rates.told(own, other) == (other < limit).sum() / 300
    pairs = (own[:, None] > other[None]).mean()
    assert rates.area(own, other) == pytest.approx(pairs)
    false, told = rates.roc(own, other)
    assert (false[0], told[0], false[-1], told[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(told, false) == pytest.approx(pairs)


def test_a_readout_learns_what_is_there_to_learn() -> None:
    rng = np.random.default_rng(1)
    given = rng.normal(size=(400, 6))
    y = np.where(given[:, 0] > 0, 0, 2) + (given[:, 1] > 0)  # two own classes, two others
    fitted = measuring.fit(given, y, own=2)
    score = fitted.score(given)
    assert rates.area(score[y < 2], score[y >= 2]) > 0.95
    assert np.array_equal(fitted.w1, measuring.fit(given, y, own=2).w1), "the same pictures give the same readout"
    dark = measuring.fit(given * [1, 1, 1, 1, 1, 0], y, own=2)
    assert np.isfinite(dark.w1).all() and np.isfinite(dark.score(given)).all(), "a map that is always dark"


# --- the score --------------------------------------------------------------------------------------------------------


def test_the_score_by_hand_from_the_weights() -> None:
    module, found = truth.model(KEY, "pretrained"), record.of(KEY)
    assert found is not None
    x = preprocess.preprocess(samples.sample("coffee"), catalogue.spec(KEY)).x
    with torch.inference_mode():
        y = module.stem(x)
        for stage in range(1, 5):
            before, y = y, getattr(module, f"layer{stage}")(y)
        pooled, spread = y[0].double().mean((1, 2)), y[0].double().flatten(1).std(1, correction=0)
        logits = module.fc.weight.double() @ pooled + module.fc.bias.double()
    sure = logits.log_softmax(0).sort(descending=True).values[:10]
    given = torch.cat([pooled, spread, before[0].double().mean((1, 2)), sure])
    odds = []
    parts = (torch.from_numpy(getattr(found.readout, part)).double() for part in record.PARTS)
    for s1, w1, b1, s2, w2, b2 in zip(*parts, strict=True):
        share = (w2 * s2 @ torch.relu(w1 * s1 @ given + b1) + b2).softmax(0)
        odds.append(float((share[: len(found.own)].sum() / share[len(found.own) :].sum()).log()))
    by_hand = float(np.mean(odds))
    trace = hooks.run(module, x)
    assert record.score(KEY, trace) == pytest.approx(by_hand, abs=1e-3)
    assert record.familiar(KEY, trace) is (by_hand >= found.threshold)


def test_the_evidence_does_not_ask_which_class_it_is() -> None:
    rng = np.random.default_rng(2)
    pooled, logits = rng.normal(size=8), rng.normal(size=50)
    assert np.allclose(evidence(pooled, logits), evidence(pooled, logits[::-1]))


def test_of_other_weights_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert record.of(KEY) is not None and record.of("legacy_seresnet50") is None
    monkeypatch.setattr(weight_files, "digest", lambda key: "0" * 64)
    assert record.of(KEY) is None


# --- the record and the card ------------------------------------------------------------------------------------------


def test_a_record_survives_its_file(tmp_path: Path) -> None:
    (found,) = (each for each in record.read().values() if each.model == KEY)
    record.write(tmp_path / "listed.safetensors", [found])
    again = record.read(tmp_path / "listed.safetensors")[KEY]
    for name in ("model", "weights", "size", "each", "own", "practised", "strange", "threshold"):
        assert getattr(again, name) == getattr(found, name), name
    assert np.array_equal(again.truth, found.truth)
    assert all(np.array_equal(again.scores[name], found.scores[name]) for name in found.scores)
    assert all(np.array_equal(getattr(again.readout, p), getattr(found.readout, p)) for p in record.PARTS)


@pytest.mark.parametrize("key", catalogue.OURS)
def test_the_shipped_rates_are_those_of_its_scores(key: str) -> None:
    found = record.read()[key]
    score = found.scores[record.READOUT]
    mine, strange = found.truth < len(found.own), found.truth >= len(found.own) + len(found.practised)
    assert found.false.value == (score[mine] < found.threshold).mean() <= rates.MOST_FALSE
    assert found.told.value == (score[strange] < found.threshold).mean()
    assert set(found.own).isdisjoint((*found.practised, *found.strange)) and set(found.practised).isdisjoint(
        found.strange
    )
    text = card.section({key: found}, model_card._texts()["listed"])
    assert f"{100 * found.told.value:.1f} %" in text and f"{100 * found.false.value:.1f} %" in text


# --- what is said -----------------------------------------------------------------------------------------------------


def test_the_command_line_says_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    photo = tmp_path / "mine.png"  # called by no sample's name
    samples.sample(strange_sample()).save(photo)
    for path, listed in ((str(photo), False), ("coffee", True)):
        assert main(["trace", path, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["listed"] is listed
        assert main(["trace", path]) == 0
        assert (i18n.text("listed.no", "en") in capsys.readouterr().out) is not listed
    assert main(["trace", str(photo), "--random", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["listed"] is None


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_a_strangers_photo_is_called_what_it_is_with_more_networks_one_click_away(lang: str, fresh: None) -> None:
    at = start("squeeze", weights="pretrained", lang=lang)
    data = pictures.encode(samples.sample(strange_sample()), "PNG")
    at.file_uploader(key="_file").set_value(("mine.png", data, "image/png"))
    at.run()
    found = record.of(KEY)
    assert found is not None
    shares = {"told": f"{found.told.value:.0%}", "false": f"{found.false.value:.0%}"}
    assert any(i18n.text("listed.rates", lang, **shares) in text for text in words(at))
    (menu,) = at.main.menu_button
    assert menu.label == i18n.text("knows.others", lang, n=1000)
    at.pills(key="photo").set_value("coffee")
    at.run()
    assert not at.exception and not at.main.menu_button


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_class_profiles_draw_how_well_it_tells(lang: str) -> None:
    at = start("class_profiles", weights="pretrained", lang=lang, more="strangers")
    found = record.of(KEY)
    assert found is not None
    title = i18n.text("fig.roc.title", lang, told=f"{found.told.value:.0%}", false=f"{found.false.value:.0%}")
    assert any(title.replace("%", "") in text.replace("\\", "").replace("%", "") for text in words(at))
