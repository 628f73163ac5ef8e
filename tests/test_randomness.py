"""Random streams: one for each purpose and key, from one seed."""

from mnist_bp.randomness import Purpose, stream


def test_what_is_random_for_one_purpose_is_not_for_another():
    draws = {stream(0, purpose, *key).random() for purpose in Purpose for key in ((), (1,), (2,))}

    assert len(draws) == 3 * len(Purpose)


def test_a_stream_is_the_same_every_time():
    first, again = (stream(7, Purpose.PERMUTATION, 3).random(5).tolist() for _ in range(2))

    assert first == again
