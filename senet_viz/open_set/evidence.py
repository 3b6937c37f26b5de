"""What a score is made of: the numbers of the network's own last stages, and the known scores that need no readout."""

from __future__ import annotations

import numpy as np

FIRST = 10  # of the sorted log probabilities that are part of the evidence


def log_shares(logits: np.ndarray) -> np.ndarray:
    """Return the logarithms of the probabilities of class scores (..., K)."""
    shifted = logits - logits.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)))


def evidence(features: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Return what a readout is given of a photo (..., F + 10).

    Args:
        features: (..., F) what the network's last two stages saw: see ``hooks.features``.
        logits: (..., K) its class scores. The ten largest log probabilities count in their order, whichever classes
            they belong to; where there are fewer classes, all of them.
    """
    sure = np.sort(log_shares(logits), -1)[..., ::-1][..., :FIRST]
    return np.concatenate([features, sure], -1)


def simple(pooled: np.ndarray, logits: np.ndarray) -> dict[str, np.ndarray]:
    """Return the scores (N,) of N photos that need no statistics: high means known.

    The largest probability (Hendrycks and Gimpel, ICLR 2017), the largest logit (Hendrycks et al., ICML 2022), and
    minus the energy (Liu et al., NeurIPS 2020).
    """
    top = logits.max(-1)
    energy = top + np.log(np.exp(logits - top[:, None]).sum(-1))
    return {"probability": log_shares(logits).max(-1), "logit": top, "energy": energy}


def fitted(
    pooled: np.ndarray, logits: np.ndarray, seen: np.ndarray, given: np.ndarray, y: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the scores (N,) of N photos that rest on training pictures of the network's own classes.

    Mahalanobis' distance to the nearest class mean with one covariance for all (Lee et al., NeurIPS 2018), the same
    less the distance to the mean of all (Ren et al., 2021), the distance to the 10th neighbour on the sphere (Sun et
    al., ICML 2022), and the energy less what the main directions leave (ViM, Wang et al., CVPR 2022).

    Args:
        pooled, logits: of the photos that are scored, (N, D) and (N, K).
        seen, given: the same of M training pictures. y: (M,) their classes.
    """
    classes = np.unique(y)
    means, middle = np.stack([seen[y == k].mean(0) for k in classes]), seen.mean(0)
    within = seen - means[np.searchsorted(classes, y)]
    near = np.min([_distance(pooled - mean, within) for mean in means], axis=0)
    sphere, points = _unit(pooled - middle), _unit(seen - middle)
    neighbour = min(10, len(points))
    close = np.partition(sphere @ points.T, -neighbour, axis=1)[:, -neighbour]
    _, axes = np.linalg.eigh(np.cov((seen - middle).T))
    rest = axes[:, : -min(100, len(axes) // 2)]
    left, usual = (np.linalg.norm((x - middle) @ rest, axis=1) for x in (pooled, seen))
    scale = given.max(1).mean() / max(float(usual.mean()), 1e-12)
    return {
        "mahalanobis": -near,
        "relative": _distance(pooled - middle, seen - middle) - near,
        "neighbour": close,
        "vim": simple(pooled, logits)["energy"] - scale * left,
    }


def _distance(x: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Return the squared length (N,) of x (N, D) in the metric of the covariance of ``spread`` (M, D)."""
    inverse = np.linalg.pinv(np.cov(spread.T), hermitian=True)
    return np.asarray(((x @ inverse) * x).sum(1))


def _unit(x: np.ndarray) -> np.ndarray:
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12))
