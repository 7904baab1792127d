//! `cubegate up` beside a real identity provider: the first story again, with people instead of technical users.

mod bearer;
mod browser;
mod outage;
mod session;
