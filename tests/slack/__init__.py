"""A Slack workspace of our own: stricter than the real one, and able to be the user as well.

    StrictSlack (server)   the Web API, response URLs, uploads and Socket Mode on loopback
    Driver                 what Slack sends: signed commands, clicks, modals, shortcuts, events
    Emulated (emulate)     the same inspection of a Slack nobody here wrote
    picture                a stored thread as a PNG, to be looked at

`violations` lists everything the bot did that Slack refuses, or that we refuse beyond Slack
(no text fallback, unescaped values, no `response_type`). The fixture `slack` fails the test when
the list is not empty.
"""
