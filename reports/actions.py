"""The buttons' action ids: what templates put on a button and listeners wait for."""

PAUSE = "study_pause"
RESUME = "study_resume"
CANCEL = "study_cancel"
DETAILS = "study_details"
MORE = "study_more"
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
READ_ONE = "reading_one"
READ_OTHER = "reading_other"

#: By the names that templates use.
ACTIONS = {
    "PAUSE": PAUSE,
    "RESUME": RESUME,
    "CANCEL": CANCEL,
    "DETAILS": DETAILS,
    "MORE": MORE,
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
    "READ_ONE": READ_ONE,
    "READ_OTHER": READ_OTHER,
}
