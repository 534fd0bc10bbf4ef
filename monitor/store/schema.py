"""The tables of the store, all in one place.

SQLAlchemy models only: what is kept and how it hangs together. Opening,
writing and searching live beside this module, changes of the layout in
`migrations/`. Rooms that add tables of their own (`monitor.quality`,
`monitor.quality.review`) derive them from `Base` too.

Times within a call are integer milliseconds since it began, as everywhere;
points in time are UTC.
"""

from monitor.store.base import Base, Moment, Words, now
from monitor.store.schema_calls import (
    NOT_COUNTED,
    SEARCH_POSTGRESQL,
    SEARCH_SQLITE,
    Alert,
    Audio,
    Call,
    CallPack,
    DeletedCall,
    Gap,
    Pack,
    Reading,
    Script,
    SearchTerms,
    SetAside,
    StoredEvent,
    Utterance,
)
from monitor.store.schema_people import (
    ApiToken,
    Audit,
    EndedSession,
    Scorecard,
    ScoreLine,
    StoreFact,
    Thumb,
    User,
    Verdict,
)

__all__ = [
    "NOT_COUNTED",
    "SEARCH_POSTGRESQL",
    "SEARCH_SQLITE",
    "Alert",
    "ApiToken",
    "Audio",
    "Audit",
    "Base",
    "Call",
    "CallPack",
    "DeletedCall",
    "EndedSession",
    "Gap",
    "Moment",
    "Pack",
    "Reading",
    "ScoreLine",
    "Scorecard",
    "Script",
    "SearchTerms",
    "SetAside",
    "StoreFact",
    "StoredEvent",
    "Thumb",
    "User",
    "Utterance",
    "Verdict",
    "Words",
    "now",
]
