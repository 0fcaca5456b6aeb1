//! What stands around every signed-in page: navigation, who one is, the live stream's address.
//!
//! In: a caller, now. Out: the words of the frame.

use wire::UtcMs;

use crate::caller::Caller;

/// The frame's contents.
#[derive(Clone, Debug)]
pub struct Shell {
    /// Server time, by which the page's script corrects the browser's clock.
    pub now: UtcMs,
    /// Address of the page's event stream.
    pub stream: Option<String>,
    /// The page is Fleet itself.
    pub on_fleet: bool,
    /// Name, or the address where there is none.
    pub name: String,
    /// Address.
    pub email: String,
    /// One or two letters.
    pub initials: String,
}

impl Shell {
    /// The frame of a page for `caller`.
    #[must_use]
    pub fn new(caller: &Caller, now: UtcMs, stream: Option<String>, on_fleet: bool) -> Self {
        let email = caller.account.email.as_str().to_owned();
        let name = if caller.account.name.is_empty() {
            email.split('@').next().unwrap_or("").to_owned()
        } else {
            caller.account.name.clone()
        };
        let initials = name.split([' ', '.', '-', '_']).filter_map(|word| word.chars().next()).take(2);
        let initials = initials.flat_map(char::to_uppercase).collect();
        Self { now, stream, on_fleet, name, email, initials }
    }
}
