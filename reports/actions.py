"""The buttons' action ids: what templates put on a button and listeners wait for."""

PAUSE = "study_pause"
RESUME = "study_resume"
CANCEL = "study_cancel"
DETAILS = "study_details"
MORE = "study_more"
REPORT = "study_report"
EXPORT = "study_export"
HEATMAP = "study_heatmap"
REPLAY = "study_replay"
ADOPT = "study_adopt"
SHARE = "study_share"
SCHEDULE = "study_schedule"
UNDO_SCHEDULE = "schedule_undo"
NEW_STUDY = "home_new_study"
RUN_RULE = "rule_run"
CHANGE_RULE = "rule_change"
SAVE_RULE = "rule_save"
DROP_RULE = "rule_drop"
EDIT_RULE = "rule_edit"
SEARCH_PLAIN = "study_plain"
#: The menu beside a button: the value of a choice is another action id and its value.
MENU = "study_menu"
READ_ONE = "reading_one"
READ_OTHER = "reading_other"

#: By the names that templates use.
ACTIONS = {
    "PAUSE": PAUSE,
    "RESUME": RESUME,
    "CANCEL": CANCEL,
    "DETAILS": DETAILS,
    "MORE": MORE,
    "REPORT": REPORT,
    "EXPORT": EXPORT,
    "HEATMAP": HEATMAP,
    "REPLAY": REPLAY,
    "ADOPT": ADOPT,
    "SHARE": SHARE,
    "SCHEDULE": SCHEDULE,
    "UNDO_SCHEDULE": UNDO_SCHEDULE,
    "NEW_STUDY": NEW_STUDY,
    "RUN_RULE": RUN_RULE,
    "CHANGE_RULE": CHANGE_RULE,
    "SAVE_RULE": SAVE_RULE,
    "DROP_RULE": DROP_RULE,
    "EDIT_RULE": EDIT_RULE,
    "SEARCH_PLAIN": SEARCH_PLAIN,
    "MENU": MENU,
    "READ_ONE": READ_ONE,
    "READ_OTHER": READ_OTHER,
}
