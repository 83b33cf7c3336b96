"""A Slack workspace of our own: stricter than the real one, and able to be the user as well.

    strict      StrictSlack: the Web API, uploads, response URLs and Socket Mode on loopback, seeded
    driver      Driver: what Slack sends: signed commands, clicks, modals, shortcuts, events
    wire        how an act travels: HttpWire (signed, replayable, forgeable) or SocketWire
    faults      429, 5xx, slowness, lost requests and answers, outages, pace
    ledger      every call in order, every violation, and waiting without polling
    inspection  what a test may ask of either Slack
    emulate     Emulated: the same inspection of a Slack nobody here wrote
    picture     a stored thread or view as a PNG, to be looked at

`violations` lists everything the bot did that Slack refuses, or that we refuse beyond Slack: no text
fallback, unescaped values, mentions of nobody, broadcasts, no `response_type`. The fixture `slack`
fails the test when the list is not empty; `ledger.tolerate` and `ledger.expecting` say what a test
wants to happen. A typical test:

    async with HttpWire(url) as wire:
        people = Driver(slack, wire)
        delivery = await people.command("AAPL RSI 200")
        (root,) = await slack.eventually(lambda: slack.messages(channel))
        await people.click(root, "Cancel", user="bob")
"""
