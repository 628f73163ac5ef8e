"""Distortion: what each setting does to an image, and that the seed decides it."""

import numpy as np
import pytest

from mnist_bp.data.distortion import Distortion, bilinear, gaussian, smooth_noise

RNG = np.random.default_rng


def blob(row=14, column=14):
    """An image with a soft round spot."""
    y, x = np.mgrid[:28, :28]
    return (255 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 8)).astype(np.uint8)


def centre_of_mass(image):
    y, x = np.mgrid[:28, :28]
    return (image * y).sum() / image.sum(), (image * x).sum() / image.sum()


def bar():
    """An upright bar, 5 wide and 15 high, in the middle."""
    image = np.zeros((28, 28), np.uint8)
    image[7:22, 12:17] = 255
    return image


def spread(image):
    """Standard deviations of the ink, down and across, and the slant: their covariance."""
    y, x = np.mgrid[:28, :28]
    return np.cov(np.stack([y.ravel(), x.ravel()]), aweights=image.ravel() + 1e-9)


def test_without_any_setting_images_stay_as_they_are():
    images = RNG(0).integers(256, size=(5, 28, 28), dtype=np.uint8)

    same = Distortion()(images, RNG(1))

    assert same.dtype == np.float32
    assert np.allclose(same, images / 255, atol=1e-6)
    assert not Distortion()
    assert Distortion(shift=1)


def test_a_shift_moves_the_ink_by_at_most_its_amount():
    moved = Distortion(shift=3)(np.stack([blob()] * 200), RNG(0))

    places = np.array([centre_of_mass(image) for image in moved]) - 14
    assert np.abs(places).max() <= 3.01
    assert (places.max(axis=0) > 2.5).all()
    assert (places.min(axis=0) < -2.5).all()


def test_a_rotation_keeps_the_middle_and_the_distance_from_it():
    turned = Distortion(rotation=90)(np.stack([blob(14, 20)] * 200), RNG(0))

    y, x = np.array([centre_of_mass(image) for image in turned]).T - 13.5
    assert np.hypot(y, x) == pytest.approx(np.hypot(0.5, 6.5), abs=0.1)
    angles = np.degrees(np.arctan2(y, x))
    assert angles.max() > 80
    assert angles.min() < -70


def test_scaling_changes_width_and_height_independently():
    scaled = Distortion(scaling=0.3)(np.stack([bar()] * 200), RNG(0))
    upright = spread(bar())

    heights, widths = np.array([np.diag(spread(image)) for image in scaled]).T
    for found, before in ((heights, upright[0, 0]), (widths, upright[1, 1])):
        ratios = np.sqrt(found / before)
        # An image that is looked up 0.7 times as far out appears 1/0.7 times as large.
        assert 1 / 1.35 < ratios.min() < 0.85
        assert 1.25 < ratios.max() < 1.5
    assert abs(np.corrcoef(heights, widths)[0, 1]) < 0.3


def test_a_shear_slants_and_keeps_the_height():
    slanted = Distortion(shear=0.5)(np.stack([bar()] * 200), RNG(0))

    covariances = np.array([spread(image) for image in slanted])
    slopes = covariances[:, 0, 1] / covariances[:, 0, 0]
    assert np.abs(slopes).max() == pytest.approx(0.5, abs=0.05)
    assert covariances[:, 0, 0] == pytest.approx(spread(bar())[0, 0], rel=0.05)


def test_smooth_noise_has_standard_deviation_one_everywhere_and_is_smooth():
    noise = smooth_noise((4000, 28, 28), 4.0, RNG(0))

    assert noise.std(axis=0) == pytest.approx(np.ones((28, 28)), abs=0.06)
    neighbours = (noise[:, 10, 10] * noise[:, 10, 11]).mean()
    far = (noise[:, 10, 3] * noise[:, 10, 24]).mean()
    assert neighbours > 0.95
    assert abs(far) < 0.1


def test_smoothing_is_a_convolution_with_a_gaussian():
    column = gaussian(29, 3.0)[14]

    assert column / column[14] == pytest.approx(
        np.exp(-0.5 * ((np.arange(29) - 14) / 3) ** 2), abs=1e-6
    )


def test_places_between_pixels_are_read_in_proportion():
    image = np.zeros((1, 4, 4), np.uint8)
    image[0, 1, 1], image[0, 1, 2], image[0, 2, 1] = 255, 51, 102

    def at(y, x):
        (value,) = bilinear(image, np.float32([y]), np.float32([x]))
        return value

    assert at(1, 1) == pytest.approx(1)
    assert at(1, 1.5) == pytest.approx((1 + 0.2) / 2)
    assert at(1.25, 1) == pytest.approx(0.75 * 1 + 0.25 * 0.4)
    assert at(1.5, 1.5) == pytest.approx((1 + 0.2 + 0.4 + 0) / 4)


def test_sharpening_makes_up_for_the_blur_of_reading_between_pixels():
    def contrast(images):
        return sum((np.diff(images, axis=axis) ** 2).sum(axis=(1, 2)).mean() for axis in (1, 2))

    images = np.stack([blob()] * 500)
    blurred, sharp = (Distortion(shift=1, sharpening=a)(images, RNG(0)) for a in (0, 1 / 12))

    assert contrast(blurred) < 0.95 * contrast(images / 255)
    assert contrast(sharp) == pytest.approx(contrast(images / 255), rel=0.015)
    assert sharp.min() == 0
    assert sharp.max() <= 1


def test_a_weakened_distortion_moves_ink_less():
    images = np.stack([blob()] * 200)
    strong = Distortion(shift=4, elastic=1, smoothness=5)

    moved = strong.weakened(0.25)(images, RNG(0))

    places = np.array([centre_of_mass(image) for image in moved]) - 14
    assert np.abs(places).max() < 2
    assert strong.weakened(1) == strong
    assert not strong.weakened(0)


@pytest.mark.parametrize("place", [-1e6, -5.5, -1, 28, 40.2, 1e6])
def test_beyond_the_edge_is_paper(place):
    image = np.full((1, 28, 28), 255, np.uint8)

    assert bilinear(image, np.float32([place]), np.float32([13])) == 0
    assert bilinear(image, np.float32([13]), np.float32([place])) == 0


def test_the_input_is_not_changed_and_the_seed_determines_the_result():
    images = np.stack([bar(), blob()])
    before = images.copy()
    distort = Distortion(10, 0.1, 0.1, 1, 1, 5)

    first, again, other = (distort(images, RNG(seed)) for seed in (1, 1, 2))

    assert np.array_equal(images, before)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.min() >= 0
    assert first.max() <= 1 + 1e-6
