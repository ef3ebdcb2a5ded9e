//! The server as clients see it: a real driver, and raw packets where a driver hides too much.

mod accounts;
mod faults;
mod main_job;
mod nodes;
mod protocol;
mod support;
mod tls;
