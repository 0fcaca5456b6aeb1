//! A list cut into pages.
//!
//! In: how many there are, which page is wished, how its address is made. Out: what is shown and where the neighbours are.

use std::ops::Range;

/// Where one is in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paging {
    /// This page, from 1.
    pub page: usize,
    /// Pages there are; at least 1.
    pub pages: usize,
    /// How many there are in all.
    pub total: usize,
    /// What is shown of the list.
    pub shown: Range<usize>,
    /// The page before.
    pub earlier: Option<String>,
    /// The page after.
    pub later: Option<String>,
}

impl Paging {
    /// Page `wished` of `total` things, `size` on a page; a page that is not there is the nearest that is.
    #[must_use]
    pub fn new(total: usize, size: usize, wished: usize, address: impl Fn(&str) -> String) -> Self {
        let pages = total.div_ceil(size.max(1)).max(1);
        let page = wished.clamp(1, pages);
        let first = (page - 1).saturating_mul(size);
        let at = |page: usize| address(&if page > 1 { page.to_string() } else { String::new() });
        Self {
            page,
            pages,
            total,
            shown: first..total.min(first.saturating_add(size)),
            earlier: (page > 1).then(|| at(page - 1)),
            later: (page < pages).then(|| at(page + 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(total: usize, wished: usize, expect: (usize, usize, Range<usize>, bool, bool)) {
        let paging = Paging::new(total, 50, wished, |page| format!("?page={page}"));
        let found =
            (paging.page, paging.pages, paging.shown, paging.earlier.is_some(), paging.later.is_some());
        assert_eq!(found, expect, "{total} {wished}");
    }

    #[test]
    fn every_wish_leads_to_a_page_that_is_there() {
        check(0, 0, (1, 1, 0..0, false, false));
        check(50, 1, (1, 1, 0..50, false, false));
        check(51, 1, (1, 2, 0..50, false, true));
        check(51, 2, (2, 2, 50..51, true, false));
        check(51, 99, (2, 2, 50..51, true, false));
    }
}
