"""Does not parse."""

def graph(:
    pass
