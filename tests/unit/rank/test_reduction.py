from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalymatch_ui.rank import Reduction, sample_rows


@pytest.fixture
def features() -> np.ndarray:
    """400 images with 60 correlated features of very different scale, around a mean that is not zero."""
    random = np.random.default_rng(0)
    mixed = random.normal(size=(400, 60)) @ random.normal(size=(60, 60))
    return ((mixed + 3) * np.logspace(-2, 1, 60)).astype(np.float16)


def reduced(features: np.ndarray, rows: np.ndarray | None = None, **settings: float) -> np.ndarray:
    rows = np.arange(len(features)) if rows is None else rows
    settings = {"components": 32, "whitening": 0.25, **settings}
    return Reduction.of(features, rows, **settings).apply(features)


def mean_squared_length(embedding: np.ndarray) -> float:
    return float(np.square(embedding.astype(np.float64)).sum(axis=1).mean())


@pytest.mark.parametrize("whitening", [0, 0.25, 0.5])
@pytest.mark.parametrize("components", [1, 7, 60])
def test_an_embedding_has_mean_zero_and_a_mean_squared_length_of_one(
    features: np.ndarray, components: int, whitening: float
) -> None:
    embedding = reduced(features, components=components, whitening=whitening)
    assert embedding.dtype == np.float16
    assert embedding.shape == (400, components)
    np.testing.assert_allclose(embedding.astype(np.float64).mean(axis=0), 0, atol=1e-3)
    assert mean_squared_length(embedding) == pytest.approx(1, abs=2e-3)


def test_components_are_uncorrelated_and_come_in_the_order_of_their_variance(features: np.ndarray) -> None:
    covariance = np.cov(reduced(features, whitening=0).astype(np.float64).T)
    variances = np.diag(covariance)
    assert (np.diff(variances) <= 1e-4).all()
    assert np.abs(covariance - np.diag(variances)).max() < 1e-3 * variances[0]


def test_full_whitening_gives_every_component_the_same_variance(features: np.ndarray) -> None:
    embedding = reduced(features, whitening=0.5).astype(np.float64)
    np.testing.assert_allclose(embedding.var(axis=0), 1 / 32, rtol=5e-3)


def test_partial_whitening_draws_the_variances_together_but_keeps_their_order(features: np.ndarray) -> None:
    spreads = []
    for whitening in (0, 0.25, 0.5):
        variances = reduced(features, whitening=whitening).astype(np.float64).var(axis=0)
        spreads.append(variances[0] / variances[-1])
    assert spreads[0] > 5
    assert spreads[1] == pytest.approx(np.sqrt(spreads[0]), rel=0.02)  # its variance is that to the 1 - 2 / 4
    assert spreads[2] == pytest.approx(1, rel=0.01)


def test_the_embedding_does_not_depend_on_the_order_of_the_images(features: np.ndarray) -> None:
    names = [f"{number:04}.jpg" for number in range(400)]
    order = np.random.default_rng(1).permutation(400)
    shuffled = [names[row] for row in order]
    for count in (400, 150):
        here = Reduction.of(features, sample_rows(names, 0, count), components=32, whitening=0.25)
        there = Reduction.of(features[order], sample_rows(shuffled, 0, count), components=32, whitening=0.25)
        np.testing.assert_allclose(there.axes, here.axes, atol=1e-5)
        np.testing.assert_allclose(there.offset, here.offset, atol=1e-5)
        embedding = here.apply(features)[order]  # rounded alike but for the last digit of half precision
        np.testing.assert_allclose(there.apply(features[order]), embedding, rtol=2e-3, atol=1e-5)


def test_lengths_and_angles_do_not_depend_on_the_order_of_the_rows_measured(features: np.ndarray) -> None:
    here, there = (
        reduced(features, rows).astype(np.float64) for rows in (np.arange(400), np.arange(400)[::-1])
    )
    np.testing.assert_allclose(here @ here.T, there @ there.T, atol=0.01)  # the sign of an axis is free


@given(
    st.lists(st.text("abc.é/0", max_size=6), unique=True, min_size=1, max_size=60), st.randoms(), st.data()
)
def test_the_same_images_are_sampled_in_whatever_order_a_pool_lists_them(names, random, data) -> None:
    count = data.draw(st.integers(1, len(names) + 2))
    drawn = [names[row] for row in sample_rows(names, 3, count)]
    random.shuffle(names)
    assert [names[row] for row in sample_rows(names, 3, count)] == drawn == sorted(drawn)
    assert len(set(drawn)) == min(count, len(names))


def test_another_seed_samples_other_images() -> None:
    names = [str(number) for number in range(1000)]
    assert set(sample_rows(names, 0, 100)) != set(sample_rows(names, 1, 100))


def test_an_image_that_cannot_be_read_stays_without_an_embedding_and_changes_no_other(
    features: np.ndarray,
) -> None:
    holed = features.copy()
    holed[[3, 77]] = np.nan
    readable = np.delete(np.arange(400), [3, 77])
    embedding = reduced(holed)
    assert np.flatnonzero(np.isnan(embedding).all(axis=1)).tolist() == [3, 77]
    # Not to the last bit: the other rows lie elsewhere in memory, so the library adds in another order.
    np.testing.assert_allclose(embedding[readable], reduced(features[readable]), rtol=0.005, atol=1e-5)


@pytest.mark.parametrize("images", [2, 3, 10])
def test_a_pool_smaller_than_the_number_of_components_keeps_what_varies(
    features: np.ndarray, images: int
) -> None:
    embedding = reduced(features[:images], whitening=0.5)
    assert embedding.shape == (images, images - 1)
    assert mean_squared_length(embedding) == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("readable", [0, 1])
def test_where_nothing_can_be_measured_every_image_is_at_the_centre(
    features: np.ndarray, readable: int
) -> None:
    few = features[:3].copy()
    few[readable:] = np.nan
    embedding = reduced(few)
    assert embedding.shape == (3, 1)
    assert (embedding[:readable] == 0).all()
    assert np.isnan(embedding[readable:]).all()


@pytest.mark.parametrize("whitening", [0, 0.25, 0.5])
def test_features_that_never_vary_do_no_harm(features: np.ndarray, whitening: float) -> None:
    constant = features.copy()
    constant[:, 20:] = 3
    embedding = reduced(constant, components=60, whitening=whitening)
    assert embedding.shape == (400, 20)
    assert mean_squared_length(embedding) == pytest.approx(1, abs=2e-3)
    np.testing.assert_allclose(
        np.abs(embedding), np.abs(reduced(features[:, :20], components=60, whitening=whitening)), atol=5e-3
    )


def test_images_that_are_all_alike_lie_at_the_centre() -> None:
    embedding = reduced(np.full((50, 8), 2.5, np.float16))
    np.testing.assert_allclose(embedding.astype(np.float64), 0, atol=0.01)


def test_an_embedding_is_finite_for_the_largest_features_half_precision_holds(features: np.ndarray) -> None:
    large = (np.random.default_rng(2).uniform(-1, 1, (100, 40)) * 65_000).astype(np.float16)
    assert np.isfinite(reduced(large)).all()
    assert mean_squared_length(reduced(large)) == pytest.approx(1, abs=2e-3)


def test_an_image_unlike_anything_in_the_pool_is_far_away_but_not_at_infinity(features: np.ndarray) -> None:
    odd = features[:2].copy()
    odd[0] = 60_000
    embedding = Reduction.of(features, np.arange(400), components=60, whitening=0.25).apply(odd)
    assert np.isfinite(embedding).all()
    assert np.abs(embedding[0]).max() > 100 * np.abs(embedding[1]).max()


def test_what_is_all_but_dead_on_the_pool_does_not_drown_the_rest_of_another_image(
    features: np.ndarray,
) -> None:
    pool = features.copy()
    pool[:, 3] = 0
    pool[7, 3] = 1e-4
    other = pool[:1].copy()
    other[0, 3] = 1
    reduction = Reduction.of(pool, np.arange(400), components=60, whitening=0.25)
    here, there = reduction.apply(pool[:1])[0], reduction.apply(other)[0]
    assert np.linalg.norm(there - here) < np.linalg.norm(here)
