"""Every combination of options that a plan accepts ends with an answer: pairwise in the tests, by thousands at will."""
