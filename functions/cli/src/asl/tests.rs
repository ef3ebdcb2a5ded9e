//! The interpreter against the language, and the project's two machines against every answer that a
//! handler can give. Time is virtual: hours pass in milliseconds.

mod announcements;
mod backup;
mod flow;
mod property;
mod refusals;
mod restore;
mod script;
mod semantics;
mod soundness;
mod table;
