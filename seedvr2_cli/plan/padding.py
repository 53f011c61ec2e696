"""What is added at the right and bottom of a picture so that the transformer takes it."""

from dataclasses import dataclass

from seedvr2_cli.base.choices import Pad
from seedvr2_cli.plan.geometry import padded_size, reflected_indices

MULTIPLE = 16  # pixels: 8 of the VAE, times the transformer's patch of 2
LEAST_REFLECTED = 8  # rows between the picture and the black ones (spec/dit.md 6)
BLACK_ROWS = 16


@dataclass(frozen=True)
class Padding:
    """A picture of `size`, then reflected, then black pixels; each (width, height).

    The first `size` of the padded picture are the picture, unchanged: that is how it is cropped back.
    """

    size: tuple[int, int]
    reflected: tuple[int, int]
    black: tuple[int, int]

    @property
    def padded(self) -> tuple[int, int]:
        """(width, height) of the whole."""
        width, height = (sum(side) for side in zip(self.size, self.reflected, self.black, strict=True))
        return width, height

    def reflected_columns(self) -> list[int]:
        """Source column of each reflected one; the edge is not repeated."""
        return reflected_indices(self.size[0], self.size[0] + self.reflected[0])[self.size[0] :]

    def reflected_rows(self) -> list[int]:
        """Source row of each reflected one; the edge is not repeated."""
        return reflected_indices(self.size[1], self.size[1] + self.reflected[1])[self.size[1] :]


def padding_of(size: tuple[int, int], pad: Pad = Pad.AUTO) -> Padding:
    """The padding of a picture of `size` (width, height) by the rule `pad`.

    Black rows steady the model's tone, but damage the rows that touch them: by `auto` they stand behind at
    least 8 reflected ones. `black` is what the public tools do. Source: spec/dit.md 6.
    """
    width, height = size
    columns = padded_size(width, MULTIPLE) - width
    rows = padded_size(height, MULTIPLE) - height
    match pad:
        case Pad.BLACK:
            return Padding(size, (0, 0), (columns, rows))
        case Pad.REFLECT:
            return Padding(size, (columns, rows), (0, 0))
        case Pad.AUTO:
            rows = padded_size(height + LEAST_REFLECTED, MULTIPLE) - height
            return Padding(size, (columns, rows), (0, BLACK_ROWS))
