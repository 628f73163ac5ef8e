"""Pictures of digits: what is made of them, and what `predict` says of them."""

import io
import json
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from mnist_bp.data.sources import read_digits
from mnist_bp.errors import NoFileError, PictureError
from mnist_bp.pictures.form import thinned, to_mnist
from mnist_bp.pictures.picture import find_digits, read_picture

PAPER, PEN = 225, 30


def written(size=(420, 300), at=(150, 60), width=18):
    """Ink from 0 to 1: a seven with a bar, 110 pixels wide and 160 high, off the middle."""
    page = Image.new("L", size)
    pen = ImageDraw.Draw(page)
    for stroke in ([(0, 0), (110, 0), (40, 160)], [(20, 80), (100, 80)]):
        points = [(at[0] + x, at[1] + y) for x, y in stroke]
        pen.line(points, fill=255, width=width, joint="curve")
    return np.asarray(page.filter(ImageFilter.GaussianBlur(1)), float) / 255


def grey(ink, paper=PAPER, pen=PEN, light=1.0, noise=0.0):
    """A picture in grey of ink on paper."""
    levels = (paper + (pen - paper) * ink) * light
    levels = levels + noise * np.random.default_rng(0).standard_normal(ink.shape)
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


def in_colour(ink, paper, pen):
    levels = np.array(paper) + (np.array(pen) - np.array(paper)) * ink[..., None]
    return Image.fromarray(levels.astype(np.uint8))


def with_alpha(ink, colour, behind=0):
    """A picture whose ink is in its alpha channel; `behind` is the colour that nobody sees."""
    levels = np.full((*ink.shape, 4), behind, np.uint8)
    levels[ink > 0, :3] = colour
    levels[..., 3] = 255 * ink
    return Image.fromarray(levels)


def saved(picture, **options):
    """The picture as it comes out of a file."""
    file = io.BytesIO()
    picture.save(file, **options)
    return Image.open(file)


def turned(picture, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(picture, format="JPEG", quality=90, exif=exif)


def specked(picture):
    levels = np.array(picture)
    for y, x in np.random.default_rng(1).integers(0, 296, (40, 2)):
        levels[y : y + 3, x : x + 3] = PEN
    return Image.fromarray(levels)


def across(shape, softness):
    """A shadow that falls across a page, from the upper right."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    distance = (x - 0.6 * y - 110) / softness
    return 1 - 0.5 / (1 + np.exp(-np.clip(distance, -50, 50)))


INK = written()
SHAPE = INK.shape
DESK = np.pad(INK, ((0, 0), (45, 0)))

PICTURES = {
    "dark on light": grey(INK),
    "light on dark": grey(INK, PEN, PAPER),
    "black on white": grey(INK, 255, 0),
    "a pencil": grey(INK, 200, 160, noise=3),
    "a soft shadow": grey(INK, light=across(SHAPE, 40), noise=4),
    "the edge of a shadow": grey(INK, light=across(SHAPE, 0.5), noise=4),
    "light on dark in a shadow": grey(INK, PEN, PAPER, light=across(SHAPE, 40), noise=4),
    "light from one side": grey(INK, light=np.linspace(0.25, 1, SHAPE[1]), noise=3),
    "noise": grey(INK, noise=30),
    "specks": specked(grey(INK, noise=4)),
    "the edge of a desk": grey(DESK, light=np.where(np.arange(DESK.shape[1]) < 45, 0.25, 1)),
    "a bad JPEG": saved(grey(INK, noise=4), format="JPEG", quality=15),
    "blue on yellow": in_colour(INK, (250, 230, 140), (40, 60, 170)),
    "green on red, as bright": in_colour(INK, (200, 80, 60), (60, 140, 80)),
    "black ink, no paper": with_alpha(INK, 0),
    "white ink, no paper": with_alpha(INK, 255),
    "ink with a hidden colour behind it": with_alpha(INK, (200, 30, 30), behind=120),
    "grey with transparency": with_alpha(INK, 0).convert("LA"),
    "a palette": in_colour(INK, (250, 230, 140), (40, 60, 170)).convert("P"),
    "a palette with transparency": with_alpha(INK, 0).quantize(16),
    "one bit": grey(INK).convert("1", dither=Image.Dither.NONE),
    "16 bits": Image.fromarray((60000 - 50000 * INK).astype(np.uint16)),
    "10 of 16 bits": Image.fromarray((900 - 800 * INK).astype(np.uint16)),
    "32 bits": Image.fromarray((9e6 - 8e6 * INK).astype(np.int32)),
    "floating point": Image.fromarray((1 - INK).astype(np.float32)),
    "print colours": saved(
        in_colour(INK, (250, 230, 140), (40, 60, 170)).convert("CMYK"), format="JPEG", quality=90
    ),
    "a camera held upright": turned(grey(INK).transpose(Image.Transpose.ROTATE_90), 6),
    "a camera held upside down": turned(grey(INK).transpose(Image.Transpose.ROTATE_180), 3),
    "at the edge": grey(INK[50:], noise=3),
    "cropped": grey(INK[49:234, 140:272]),
    "a large page": grey(written((1500, 1100), (900, 700)), noise=5),
    "a photo": grey(written((4000, 3000), (1500, 900)), light=across((3000, 4000), 300)),
    "small": grey(INK).resize((63, 45), Image.Resampling.BOX),
}


def only(digits):
    """The image of the only digit that was found."""
    assert len(digits) == 1
    return digits.images[0]


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_becomes_the_digit_that_is_on_it(name):
    expected = to_mnist(INK) / 255

    digit = only(find_digits(PICTURES[name])) / 255

    # Blurred or noisy ink is a little broader or finer; another shape, or a shadow, is far off.
    assert np.abs(digit - expected).mean() < 0.03


@pytest.mark.parametrize("width", [2, 4, 8, 30])
def test_the_pen_may_be_fine_or_broad(width):
    size = 600, 450
    digit = only(find_digits(grey(written(size, (200, 120), width), noise=5)))

    rows, columns = (np.flatnonzero(digit.max(axis=axis) > 50) for axis in (1, 0))
    # Its edges may lie within a pixel.
    assert 18 <= np.ptp(rows) + 1 <= 21
    assert 11 <= np.ptp(columns) + 1 <= 17


@pytest.mark.parametrize(
    "picture",
    [
        grey(np.zeros((300, 300))),
        grey(np.zeros((300, 300)), noise=20),
        grey(np.zeros((300, 300)), light=across((300, 300), 0.5), noise=5),
        saved(grey(np.zeros((300, 300)), light=across((300, 300), 60)), format="JPEG", quality=30),
        Image.new("RGBA", (50, 50)),
        Image.new("I;16", (50, 50)),
        Image.new("L", (1, 1)),
        Image.new("L", (1, 900)),
    ],
    ids=["paper", "noise", "shadow", "JPEG", "transparent", "16 bits", "one pixel", "one column"],
)
def test_paper_has_no_ink(picture):
    with pytest.raises(PictureError, match="there is no ink"):
        find_digits(picture)


def test_ink_is_fitted_into_the_box_with_its_proportions():
    for height, width in ((1, 1), (3, 2), (40, 10), (10, 300), (77, 77), (500, 1)):
        digit = to_mnist(np.pad(np.ones((height, width)), 5))

        assert digit.max() == 255
        rows, columns = digit.max(axis=1) > 0, digit.max(axis=0) > 0
        longer = max(height, width)
        # Its edges may lie within a pixel.
        assert 0 <= rows.sum() - np.ceil(20 * height / longer) <= 1
        assert 0 <= columns.sum() - np.ceil(20 * width / longer) <= 1


def test_the_centre_of_mass_is_at_the_centre_of_pixel_14():
    rng = np.random.default_rng(0)
    for _ in range(50):
        digit = to_mnist(rng.random((rng.integers(15, 60), rng.integers(15, 60))) ** 3)

        for axis in (0, 1):
            assert abs(np.average(np.arange(28), weights=digit.sum(axis=axis)) - 14) < 0.02


def test_ink_far_to_one_side_is_not_cut_off():
    ink = np.zeros((200, 200))
    ink[-20:] = 1
    ink[:, -20:] = 1
    ink[0, 0] = 1

    digit = to_mnist(ink) > 0

    # Its edges may lie within a pixel.
    assert {int(digit.any(axis=axis).sum()) for axis in (0, 1)} <= {20, 21}


def test_thick_strokes_become_thinner_and_others_stay():
    fine, broad = (to_mnist(written(width=width)) for width in (18, 60))

    assert np.array_equal(thinned(fine), fine)
    assert (thinned(broad) <= broad).all()
    assert thinned(broad).sum() < 0.95 * broad.sum()
    assert thinned(broad).max() == 255
    seen = only(find_digits(grey(written(width=60)))).astype(float)
    assert np.abs(seen - thinned(broad)).sum() < np.abs(seen - broad).sum()


@pytest.mark.mnist
def test_digits_of_mnist_come_back_as_they_were(mnist, full):
    (digits,) = read_digits(("test",), "mnist", mnist, ())
    images = digits.images if full else digits.images[:2000]

    back = np.stack([to_mnist(image / 255) for image in images])

    # Where the centre of mass lies between two pixels, rounding may move a digit by one.
    same = np.abs(back.astype(int) - images).max(axis=(1, 2)) <= 1
    assert same.mean() > 0.999


def rendered(image, rng):
    """A digit of MNIST as a picture, (the bytes of) a file in PNG or JPEG."""
    times = int(rng.integers(7, 21))
    resampling = list(Image.Resampling)[int(rng.integers(4))]
    digit = np.asarray(Image.fromarray(image).resize((28 * times, 28 * times), resampling)) / 255
    side = 28 * times
    height, width = (int(side * rng.uniform(1, 2.5)) for _ in range(2))
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    ink = np.zeros((height, width))
    ink[top : top + side, left : left + side] = digit
    paper, pen = rng.uniform(150, 250), rng.uniform(0, 60)
    if rng.random() < 0.5:
        paper, pen = pen, paper
    y, x = np.mgrid[:height, :width]
    angle = rng.uniform(0, 2 * np.pi)
    middle_x, middle_y = width * rng.uniform(0.2, 0.8), height * rng.uniform(0.2, 0.8)
    distance = (x - middle_x) * np.cos(angle) + (y - middle_y) * np.sin(angle)
    softness = rng.uniform(0.02, 0.1) * side
    light = 1 - rng.uniform(0, 0.6) / (1 + np.exp(-np.clip(distance / softness, -50, 50)))
    levels = (paper + (pen - paper) * ink) * light + rng.normal(0, rng.uniform(0, 12), ink.shape)
    picture = Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
    file = io.BytesIO()
    if rng.random() < 0.5:
        picture.save(file, "PNG", compress_level=1)
    else:
        picture.save(file, "JPEG", quality=int(rng.integers(40, 95)))
    return file.getvalue()


@pytest.mark.mnist
def test_pictures_of_test_digits_are_read_nearly_as_well_as_the_digits(command, mnist, full):
    count, epochs = (1000, 17) if full else (100, 3)
    command("train", "--epochs", epochs, "--quiet")
    (digits,) = read_digits(("test",), "mnist", mnist, ())
    for folder in ("plain", "small", "rendered"):
        (command.folder / folder).mkdir()
    for i in range(count):
        picture = Image.fromarray(digits.images[i])
        picture.save(command.folder / f"plain/{i:04}.png")
        small = ImageOps.invert(picture.crop(picture.getbbox()))
        ImageOps.scale(small, 2).save(command.folder / f"small/{i:04}.png")
        content = rendered(digits.images[i], np.random.default_rng(i))
        (command.folder / f"rendered/{i:04}").write_bytes(content)

    def accuracy(folder):
        files = sorted((command.folder / folder).iterdir())
        done = command("predict", "weights.npz", *files, "--json")
        assert done.returncode == 0, done.stderr
        said = [each["number"] for each in json.loads(done.stdout)["pictures"]]
        return np.mean(np.array(said) == digits.labels[:count].astype(str))

    with np.load(command.folder / "weights.npz") as net:
        hidden = np.maximum(
            digits.images[:count].reshape(count, -1) / 255 @ net["W1"] + net["b1"], 0
        )
        exact = np.mean((hidden @ net["W2"] + net["b2"]).argmax(axis=1) == digits.labels[:count])
    assert accuracy("plain") >= exact - 0.01
    assert accuracy("small") >= exact - 0.02
    assert accuracy("rendered") >= exact - (0.015 if full else 0.03)


def row_of(*places, size=(1200, 500)):
    """A page with a seven at each place, some over each other."""
    return np.maximum.reduce([written(size, place) for place in places])


def test_digits_are_read_row_by_row_from_left_to_right():
    places = [(80, 60), (300, 75), (550, 90), (90, 290), (320, 300)]
    page = grey(row_of(*places), light=np.linspace(0.6, 1, 1200), noise=3)

    digits = find_digits(page)

    assert digits.rows.tolist() == [0, 0, 0, 1, 1]
    assert np.abs(digits.boxes[:, :2] - places).max() < 15
    expected = to_mnist(INK) / 255
    assert all(np.abs(image / 255 - expected).mean() < 0.03 for image in digits.images)


@pytest.mark.parametrize("width", [3, 8])
def test_a_frame_is_not_ink(width):
    framed = grey(INK, noise=3)
    ImageDraw.Draw(framed).rectangle((90, 20, 330, 270), outline=PEN, width=width)

    assert np.abs(only(find_digits(framed)) / 255 - to_mnist(INK) / 255).mean() < 0.03


def test_shadows_that_cross_are_not_ink():
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    light = np.where(x - 0.6 * y > 110, 0.5, 1) * np.where(x + 0.4 * y > 290, 0.6, 1)

    digit = only(find_digits(grey(INK, light=light, noise=2)))

    assert np.abs(digit / 255 - to_mnist(INK) / 255).mean() < 0.03


def test_a_sheet_on_a_dark_table_is_not_ink():
    sheet = np.asarray(grey(INK, noise=3))
    table = Image.fromarray(np.pad(sheet, 120, constant_values=35)).rotate(8, fillcolor=35)

    digit = only(find_digits(table))

    expected = Image.fromarray((255 * np.pad(INK, 120)).astype(np.uint8)).rotate(8)
    assert np.abs(digit / 255 - to_mnist(np.asarray(expected) / 255) / 255).mean() < 0.03


@pytest.mark.parametrize("margin", [(0, 140), (60, 60)])
def test_a_sheet_on_black_is_not_ink(margin):
    height, width = margin
    sheet = grey(INK, pen=90, light=np.linspace(0.5, 1, SHAPE[1]), noise=3)
    bars = np.pad(np.asarray(sheet), ((height, height), (width, width)))

    digit = only(find_digits(Image.fromarray(bars)))

    assert np.abs(digit / 255 - to_mnist(INK) / 255).mean() < 0.03


@pytest.mark.parametrize("shape", [(8, 6), (12, 8)])
@pytest.mark.parametrize("margin", [0, 2])
@pytest.mark.parametrize("times", [1, 20])
def test_a_coarse_digit_in_white_on_black_is_the_same_in_black_on_white(shape, margin, times):
    height, width = shape
    ink = Image.fromarray((255 * INK[49:234, 140:272]).astype(np.uint8))
    coarse = np.pad(np.asarray(ink.resize((width, height), Image.Resampling.BOX)), margin)
    white = Image.fromarray(coarse).resize([times * side for side in coarse.shape[::-1]])

    on_black, on_white = (only(find_digits(each)) / 255 for each in (white, ImageOps.invert(white)))

    assert np.abs(on_black - on_white).mean() < 0.01


BROKEN = {
    "a 5 whose bar is apart": [
        [(190, 95), (300, 20)],
        [(160, 110), (215, 150), (170, 230), (120, 235)],
    ],
    "a 3 in two halves": [
        [(150, 50), (230, 60), (225, 120), (170, 135)],
        [(175, 158), (240, 170), (235, 230), (150, 245)],
    ],
    "a wide 2": [[(130, 120), (190, 90), (230, 130), (150, 180), (300, 182)]],
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_lies_over_each_other_is_one_digit_and_a_wide_digit_is_not_two(name):
    page = Image.new("L", (420, 300), PAPER)
    for stroke in BROKEN[name]:
        ImageDraw.Draw(page).line(stroke, fill=PEN, width=14, joint="curve")

    digits = find_digits(page)

    assert len(digits) == 1
    assert not digits.touching.any()


def test_a_loop_with_grey_inside_is_ink():
    ink = np.zeros((14, 14))
    ink[3:7, 5] = ink[7, 4:9] = ink[10, 4:9] = ink[7:11, 4] = ink[7:11, 8] = 1
    ink[9, 5:8], ink[8, 5:8] = 1, 0.18
    page = np.kron(ink, np.ones((40, 40)))

    six = only(find_digits(grey(page, 0, 255)))

    assert np.abs(six / 255.0 - to_mnist(page) / 255).mean() < 0.06


def test_rules_from_side_to_side_are_not_digits():
    ruled = grey(INK, noise=3)
    for x in (40, 340):
        ImageDraw.Draw(ruled).line([(x, 4), (x + 5, 296)], fill=PEN, width=4)

    assert np.abs(only(find_digits(ruled)) / 255 - to_mnist(INK) / 255).mean() < 0.03


def test_rules_that_cross_digits_are_not_ink():
    ruled = grey(np.zeros((500, 1200)))
    pen = ImageDraw.Draw(ruled)
    for y in range(30, 500, 60):
        pen.line([(0, y), (1200, y + 30)], fill=150, width=3)
    ink = row_of((200, 150), (450, 150), (700, 150))
    page = Image.fromarray(np.minimum(np.asarray(ruled), np.asarray(grey(ink, noise=3))))

    digits = find_digits(page)

    assert len(digits) == 3
    for image in digits.images:
        assert np.abs(image / 255 - to_mnist(INK) / 255).mean() < 0.03


def test_digits_that_touch_are_cut_so_that_they_are_probable():
    seven = to_mnist(INK) / 255

    def score(images):
        alike = np.exp(-20 * np.abs(images / 255 - seven).mean(axis=(1, 2)))
        return np.stack([alike, *[(1 - alike) / 1000] * 9], axis=1)

    def unlike(digits):
        return np.abs(digits.images / 255 - seven).mean()

    # They share much ink: less of it is lost elsewhere.
    page = grey(row_of((200, 150), (280, 130)))

    assert unlike(find_digits(page, 2, score=score)) < 0.06 < unlike(find_digits(page, 2))


def test_a_net_that_is_certain_of_strips_does_not_cut_them_off():
    page = Image.new("L", (500, 400))
    for left in (100, 180):
        ImageDraw.Draw(page).rectangle((left, 100, left + 100, 300), outline=255, width=20)

    def score(images):
        strips = (images > 0).any(axis=1).sum(axis=1) < 5
        unlikely = np.where(strips, 1e-9, 1e-6)
        return np.stack([1 - unlikely, *[unlikely / 9] * 9], axis=1)

    two = find_digits(grey(np.asarray(page) / 255), 2, score=score)

    assert (two.boxes[:, 2] - two.boxes[:, 0]).min() > 60


def test_digits_that_touch_are_marked_and_cut_where_their_count_is_known():
    joined = row_of((200, 150), (309, 150))
    page = grey(joined, noise=3)

    digits = find_digits(page)
    two = find_digits(page, count=2)

    assert digits.touching.tolist() == [True]
    assert len(two) == 2
    assert not two.touching.any()
    assert two.boxes[0, 0] < 210
    assert two.boxes[1, 2] > 405


def test_a_picture_is_read_into_arrays(tmp_path):
    grey(row_of((80, 60), (300, 75)), noise=3).save(tmp_path / "page.png")

    digits = read_picture(tmp_path / "page.png")

    assert digits.images.shape == (2, 28, 28)
    assert digits.images.dtype == np.uint8
    assert repr(digits) == "PictureDigits(2 in 1 row)"
    with pytest.raises(NoFileError, match="there is no such file"):
        read_picture(tmp_path / "nothing.png")


def test_boxes_are_in_the_pixels_of_the_file(tmp_path):
    # Reduced by the decoder, and on its side.
    ink = written((4000, 3000), (1500, 900), 60)
    exif = Image.Exif()
    exif[0x0112] = 6
    grey(ink).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.jpg", exif=exif, quality=90)

    (box,) = read_picture(tmp_path / "a.jpg").boxes

    ys, xs = np.nonzero(ink > 0.5)
    expected = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
    assert np.abs(box - expected).max() < 25


@pytest.fixture
def weights(command):
    """The path of a net of no use."""
    rng = np.random.default_rng(0)
    shapes = {"W1": (784, 3), "b1": 3, "W2": (3, 10), "b2": 10}
    np.savez(command.folder / "w.npz", **{name: rng.normal(size=s) for name, s in shapes.items()})
    return "w.npz"


@pytest.fixture
def pictures(command):
    """Save a good picture under each name; returns their paths."""

    def save(*names):
        for name in names:
            grey(INK).save(command.folder / name, format="PNG")
        return names

    return save


def rows(done):
    """The rows of the table that was printed."""
    return [line for line in done.stdout.splitlines()[3:] if line.strip()]


def test_one_picture_is_drawn_with_what_the_net_says(command, weights, pictures):
    done = command("predict", weights, *pictures("seven.png"))

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "seven.png"
    shares = [float(line.split()[1].rstrip("%")) for line in rows(done)[:3]]
    assert shares == sorted(shares, reverse=True)
    drawing = lines[lines.index("as the net sees it") + 1 :]
    assert any("%%" in line for line in drawing)


def test_several_pictures_make_a_table(command, weights, pictures):
    done = command("predict", weights, *pictures("b.png", "a.png"))

    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in rows(done)] == ["b.png", "a.png"]


def test_json_is_one_object(command, weights, pictures):
    (command.folder / "text.png").write_text("no picture")

    done = command("predict", weights, *pictures("a.png"), "text.png", "--json")
    report = json.loads(done.stdout)

    assert done.stdout.count("\n") == 1
    assert report["weights"] == "w.npz"
    good, bad = report["pictures"]
    assert list(good) == ["file", "digit", "probability", "probabilities", "number", "digits"]
    assert sum(good["probabilities"]) == pytest.approx(1)
    assert good["probabilities"][good["digit"]] == good["probability"]
    assert bad == {"file": "text.png", "error": "it is not a picture, or none that Pillow can open"}
    assert done.returncode == 1


def claiming(width, height):
    """A file that says that it holds a picture of so many pixels."""
    parts = b"IHDR" + struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0), b"IDAT"
    chunks = (struct.pack(">I", len(p) - 4) + p + struct.pack(">I", zlib.crc32(p)) for p in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_pictures_that_cannot_be_used_are_a_message_each_and_the_others_are_done(
    command, weights, pictures
):
    here = command.folder
    pictures("first.png", "last.png")
    grey(np.zeros((99, 99))).save(here / "blank.png")
    (here / "text.png").write_text("no picture")
    (here / "empty.png").touch()
    (here / "cut.png").write_bytes((here / "first.png").read_bytes()[:1000])
    (here / "huge.png").write_bytes(claiming(30_000, 30_000))
    (here / "large.png").write_bytes(claiming(12_000, 12_000))
    frames = [grey(INK), grey(INK[::-1])]
    frames[0].save(here / "moving.gif", save_all=True, append_images=frames[1:])
    (here / "program.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")
    (here / "folder").mkdir()
    wrong = {
        "blank.png": "there is no ink in it",
        "text.png": "it is not a picture",
        "empty.png": "it is not a picture",
        "cut.png": "it cannot be read: ",
        "huge.png": "it has more than 50,000,000 pixels",
        "large.png": "it has 12,000 x 12,000 pixels, more than 50,000,000",
        "moving.gif": "it holds 2 pictures",
        "program.eps": "it is not a picture",
        "folder": "it is a folder",
        "nowhere.png": "there is no such file",
    }

    done = command("predict", weights, "first.png", *wrong, "last.png")

    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == len(wrong)
    for line, (name, message) in zip(lines, wrong.items(), strict=True):
        assert line.startswith(f"Error: {name}: {message}")
    assert [line.split()[0] for line in rows(done)] == ["first.png", "last.png"]


def test_damaged_exif_data_and_names_that_cannot_be_opened_are_a_message_each(
    command, weights, pictures
):
    here = command.folder
    pictures("good.png")
    damaged = b"Exif\0\0not a TIFF header at all"
    grey(INK).save(here / "damaged.jpg", exif=damaged)
    grey(INK).save(here / "tags.tif")
    tags = bytearray((here / "tags.tif").read_bytes())
    tags[8:40] = b"\xff" * 32
    (here / "tags.tif").write_bytes(bytes(tags))
    long = "a" * 300

    done = command("predict", weights, "damaged.jpg", "tags.tif", long, "good.png")

    errors = [line.split(": ")[:2] for line in done.stderr.splitlines()]
    assert errors == [["Error", "tags.tif"], ["Error", long]]
    # Such a picture is taken as it is.
    assert "damaged.jpg" in done.stdout
    assert "good.png" in done.stdout


def test_what_libraries_write_to_stderr_is_not_shown(command, weights, pictures):
    picture = grey(INK)
    picture.save(command.folder / "cut.tif", compression="tiff_lzw")
    content = bytearray((command.folder / "cut.tif").read_bytes())
    content[60:400] = bytes(340)
    (command.folder / "cut.tif").write_bytes(bytes(content))

    done = command("predict", weights, "cut.tif", *pictures("good.png"))

    assert all(line.startswith("Error: cut.tif: ") for line in done.stderr.splitlines())


def test_what_is_not_like_a_digit_is_marked(command, weights):
    blob = Image.new("L", (300, 300), 230)
    ImageDraw.Draw(blob).ellipse((90, 90, 210, 190), fill=30)
    blob.save(command.folder / "blob.png")

    (found,) = json.loads(command("predict", weights, "blob.png", "--json").stdout)["pictures"]

    assert found["digits"][0]["unsure"] == "not like a digit"
    assert f"{found['digit']}?" in command("predict", weights, "blob.png").stdout


def test_a_number_in_json_in_a_table_and_with_boxes(command, weights):
    grey(row_of((80, 60), (300, 75)), noise=3).save(command.folder / "page.png")

    done = command("predict", weights, "page.png", "--json", "--boxes", "out")
    (found,) = json.loads(done.stdout)["pictures"]
    command("predict", weights, "page.png", "--boxes", "out")

    assert list(found) == ["file", "number", "digits"]
    assert found["number"] == "".join(str(each["digit"]) for each in found["digits"])
    assert list(found["digits"][0]) == ["digit", "probability", "probabilities", "box", "unsure"]
    names = sorted(path.name for path in (command.folder / "out").iterdir())
    assert names == ["page-boxes-2.png", "page-boxes.png"]
    boxed = np.asarray(Image.open(command.folder / "out/page-boxes.png"))
    left, top, *_ = found["digits"][0]["box"]
    assert (boxed[top + 50, left] == (220, 30, 60)).all()
    assert command("predict", weights, "page.png", "--boxes", "page.png").returncode == 2
    assert command("predict", weights, "page.png", "--count", 0).returncode == 2


def test_paths_without_a_file_are_wrong_usage(command, weights, pictures):
    done = command("predict", weights, *pictures("a.png"), "nowhere.png", ".")

    assert done.returncode == 2
    assert "a.png" in done.stdout
    assert command("predict", "nowhere.npz", "a.png").returncode == 2


@pytest.mark.parametrize("name", ["[bold]x.png", "a\nb.png", "\x1b[31mred.png", "\udcff.png"])
def test_names_are_shown_as_text_on_one_line(command, weights, pictures, name):
    shown = {"a\nb.png": r"a\nb.png", "\x1b[31mred.png": r"\x1b[31mred.png"}.get(name, name)
    shown = shown.replace("\udcff", r"\udcff")
    pictures(name, "other.png")

    one = command("predict", weights, name).stdout
    several = command("predict", weights, name, "other.png").stdout
    os.truncate(command.folder / name, 0)
    error = command("predict", weights, name).stderr

    assert one.splitlines()[0] == shown
    assert several.splitlines()[3].split()[0] == shown
    assert error.splitlines()[0].startswith(f"Error: {shown}: it is not a picture")


def test_training_ends_with_a_curve(command, digits_folder):
    arguments = ("train", "--hidden", 8, "--lr", 0.5, "--data-dir", digits_folder)

    long = command(*arguments, "--epochs", 6).stdout
    short = command(*arguments, "--epochs", 1).stdout
    quiet = command(*arguments, "--epochs", 6, "--quiet").stdout

    title, *curve = long.splitlines()[-9:]
    assert title == "accuracy, epochs 1 to 6: o test, + train"
    assert all("|" in line for line in curve)
    assert "accuracy, epochs" not in short
    assert quiet == ""
