from richpanel_sim.shelves import Shelf


def shelf():
    cards = {name: (name, 1) for name in "abc"}
    return Shelf(lambda key, value: (key, value["n"]), cards, lambda card: {"n": card[1]})


def test_looking_keeps_nothing_and_asking_keeps_what_may_change():
    made = shelf()
    assert (made.look("a"), made.look("z"), made.kept()) == ({"n": 1}, None, 0)
    made["a"]["n"] = 5
    assert (made.look("a"), made["a"], made.kept()) == ({"n": 5}, {"n": 5}, 1)
    assert list(made.cards()) == [("a", 5), ("b", 1), ("c", 1)]


def test_order_is_that_of_arrival():
    made = shelf()
    made["d"] = {"n": 4}
    made["b"] = {"n": 2}
    assert list(made) == ["a", "b", "c", "d"]


def test_what_is_taken_away_is_gone():
    made = shelf()
    made.look("a")
    made["b"] = {"n": 2}
    del made["a"], made["b"]
    assert (list(made), made.look("a"), made.look("b"), "a" in made) == (["c"], None, None, False)


def test_asking_whether_one_is_there_keeps_nothing():
    made = shelf()
    assert "a" in made
    assert made.kept() == 0


def test_only_so_many_are_remembered():
    written: list[int] = []

    def write_out(card):
        written.append(card)
        return {"n": card}

    cards = {number: number for number in range(1000)}
    made = Shelf(lambda key, _: key, cards, write_out)
    for number in [*cards, 0, 999]:
        made.look(number)
    assert (len(written), written[-1]) == (1001, 0)
