//! What stands around every signed-in page: navigation, who one is, the live stream's address.
//!
//! In: a caller, now, where the page is. Out: the words of the frame. A page that is to be found from everywhere gets one
//! line in a table here.

use wire::UtcMs;

use crate::caller::Caller;
use crate::view::words;

/// Where a link of the navigation leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its address; pages below it are in it.
    pub path: &'static str,
    /// Its word.
    pub word: &'static str,
    /// Its icon in the sprite.
    pub icon: &'static str,
}

/// Where everybody goes. These and the account are the tabs of a telephone.
const MAIN: &[Place] = &[
    Place { path: "/fleet", word: "Fleet", icon: "fleet" },
    Place { path: "/alarms", word: "Alarms", icon: "bell" },
    Place { path: "/tests", word: "Tests", icon: "tests" },
    Place { path: "/pair", word: "Add inverter", icon: "add" },
];

/// One's own account. The first is where "Account" leads.
const ACCOUNT: &[Place] = &[
    Place { path: "/me", word: "Account", icon: "me" },
    Place { path: "/me/notifications", word: "Notifications", icon: "bell" },
    Place { path: "/me/security", word: "Security", icon: "shield" },
    Place { path: "/me/tokens", word: "API tokens", icon: "table" },
    Place { path: "/me/activity", word: "Activity", icon: "clock" },
    Place { path: "/me/data", word: "Your data", icon: "dl" },
    Place { path: "/organizations", word: "Organizations", icon: "people" },
    Place { path: "/shares", word: "Offers", icon: "share" },
];

/// What operators do.
const OPERATOR: &[Place] = &[
    Place { path: "/op/allow-list", word: "Allow-list", icon: "list" },
    Place { path: "/op/devices", word: "Devices", icon: "chip" },
    Place { path: "/op/accounts", word: "Accounts", icon: "me" },
    Place { path: "/op/deliveries", word: "Deliveries", icon: "mail" },
    Place { path: "/op/quarantine", word: "Quarantine", icon: "shield" },
    Place { path: "/op/health", word: "Health", icon: "check" },
    Place { path: "/op/audit", word: "Audit log", icon: "table" },
];

/// The frame's contents.
#[derive(Clone, Debug)]
pub struct Shell {
    /// Server time, by which the page's script corrects the browser's clock.
    pub now: UtcMs,
    /// Address of the page's event stream.
    pub stream: Option<String>,
    /// Where the page is: an address of a [`Place`], or below one.
    here: &'static str,
    /// May see the operator's pages.
    operator: bool,
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
    pub fn new(caller: &Caller, now: UtcMs, stream: Option<String>, here: &'static str) -> Self {
        let email = caller.account.email.as_str().to_owned();
        let name = if caller.account.name.is_empty() {
            email.split('@').next().unwrap_or("").to_owned()
        } else {
            caller.account.name.clone()
        };
        let initials = words::initials(&name);
        Self { now, stream, here, operator: caller.account.operator, name, email, initials }
    }

    /// Where everybody goes.
    #[must_use]
    pub fn main(&self) -> &'static [Place] {
        MAIN
    }

    /// Where "Account" leads.
    #[must_use]
    pub fn account(&self) -> Option<&'static Place> {
        ACCOUNT.first()
    }

    /// What operators do; nothing for everybody else.
    #[must_use]
    pub fn operator(&self) -> &'static [Place] {
        if self.operator { OPERATOR } else { &[] }
    }

    /// The tabs above a page that is one of several: of the account, or of the operator.
    #[must_use]
    pub fn beside(&self) -> &'static [Place] {
        [ACCOUNT, self.operator()]
            .into_iter()
            .find(|places| places.iter().any(|place| self.is_in(place)))
            .unwrap_or_default()
    }

    /// The page is one of the operator's.
    #[must_use]
    pub fn operating(&self) -> bool {
        self.operator().iter().any(|place| self.is_in(place))
    }

    /// The page is one of the account's.
    #[must_use]
    pub fn in_account(&self) -> bool {
        ACCOUNT.iter().any(|place| self.is_in(place))
    }

    /// `page` for the page itself, `true` for one below it, nothing for others.
    #[must_use]
    pub fn current(&self, place: &Place) -> &'static str {
        // "/me/activity" is below "/me", too, and has a line of its own.
        let below = self.is_in(place) && !self.is_in_one_below(place);
        match (self.here == place.path, below) {
            (true, _) => "page",
            (false, true) => "true",
            _ => "",
        }
    }

    fn is_in_one_below(&self, place: &Place) -> bool {
        let below = |other: &Place| other.path.len() > place.path.len() && self.is_in(other);
        [MAIN, ACCOUNT, OPERATOR].into_iter().flatten().any(below)
    }

    fn is_in(&self, place: &Place) -> bool {
        // An inverter's page is reached from the fleet.
        let here = if self.here.starts_with("/inverters") { "/fleet/inverter" } else { self.here };
        here.strip_prefix(place.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}
