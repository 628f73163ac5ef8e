// Why the net should not judge a digit, if it should not: the rules of mnist_bp/pictures/unsure.py.
"use strict";

// y: the ten probabilities of the digit; touching: whether it seems to be several. Returns null where
// the net may judge.
function reasonAgainst(y, pixels, touching) {
  const [best, second] = [...y].sort((a, b) => b - a);
  if (touching) return "perhaps several that touch";
  if (isUnlikeDigits(pixels)) return "not like a digit";
  if (!(best < RULES.LEAST_PROBABILITY)) return null;
  return second > RULES.NEARLY * best ? "two digits are nearly as likely" : "no digit is likely";
}

// Whether a picture has too many strokes for a digit, or is a blob.
function isUnlikeDigits(pixels) {
  const ink = Array.from({ length: SIDE }, (_, row) =>
    pixels.slice(row * SIDE, (row + 1) * SIDE).map((pixel) => pixel >= RULES.INK),
  );
  const solid = core(core(core(ink))).flat().filter(Boolean);
  const [acrossRow, acrossColumn] = RULES.MOST_STROKES;
  const isTangled = hasMoreStrokes(ink, acrossRow) || hasMoreStrokes(transposed(ink), acrossColumn);
  return isTangled || solid.length > RULES.MOST_SOLID;
}

// Whether a row crosses more strokes than that, on average of the rows with ink.
function hasMoreStrokes(ink, most) {
  const strokes = ink.map((row) => row.filter((value, x) => value && !row[x - 1]).length);
  return sum(strokes) > most * Math.max(strokes.filter(Boolean).length, 1);
}

// The ink that has ink on its four sides.
function core(ink) {
  const isInside = (y, x) => ink[y][x] && ink[y][x - 1] && ink[y][x + 1] && ink[y - 1]?.[x] && ink[y + 1]?.[x];
  return ink.map((row, y) => row.map((_, x) => isInside(y, x)));
}
