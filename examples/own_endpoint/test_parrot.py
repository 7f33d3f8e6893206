"""What a parrot can do."""


def test_repeats(llm):
    assert llm("polly").text == "POLLY"
