"""The four files of MNIST, as their makers published them: names, sizes and digests."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PinnedFile:
    """One of the four files, as MNIST's makers published it.

    Attributes
    ----------
    stem : str
        Its name up to the `-idx...-ubyte`, which names the format.
    dimensions : int
        Of the array that it holds.
    size : int
        Bytes of the `.gz` file.
    sha256, sha256_unpacked : str
        In hexadecimal: of the `.gz` file, and of its content.
    """

    stem: str
    dimensions: int
    size: int
    sha256: str
    sha256_unpacked: str

    @property
    def name(self) -> str:
        """The name that mirrors have it by."""
        return f"{self.unpacked_name}.gz"

    @property
    def unpacked_name(self) -> str:
        """The name of its content."""
        return f"{self.stem}-idx{self.dimensions}-ubyte"


MNIST_FILES = (
    PinnedFile(
        "train-images",
        3,
        9_912_422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    PinnedFile(
        "train-labels",
        1,
        28_881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    PinnedFile(
        "t10k-images",
        3,
        1_648_877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    PinnedFile(
        "t10k-labels",
        1,
        4_542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)

SPLITS = {"train": MNIST_FILES[:2], "test": MNIST_FILES[2:]}
"""The files of the images and of the labels."""
