//! One stream of moments in order: what they tell of the battery, of self-tests and of outages.
//!
//! In: moments, the self-test last told of. Out: records of what is over.

use crate::event::TestRecord;
use crate::readiness::{Kind, Moment, Readiness};
use crate::record::Record;
use crate::self_test::{self, Recogniser};

use super::outages::Outages;

/// From here on a battery counts as charged at the start of a test, share.
const CHARGED: f32 = 0.95;

/// What follows one stream.
pub struct Lane<'a> {
    pub readiness: &'a mut Readiness,
    pub recogniser: &'a mut Recogniser,
    pub outages: &'a mut Outages,
}

impl Lane<'_> {
    /// Takes the next moment.
    pub fn take(&mut self, moment: &Moment, told: Option<&TestRecord>, records: &mut Vec<Record>) {
        // Many readings and what was told meanwhile come in one report: at each moment counts what was told by then.
        let told = told.filter(|test| test.told <= moment.at);
        let charged = self.readiness.charge.share().map(|share| share >= CHARGED);
        let found = self.recogniser.take(moment, told, charged, self.readiness.bank.as_ref());
        records.extend(self.outages.take(moment, self.readiness).map(Record::Outage));
        self.readiness.take(moment, found.as_ref().map(|found| kind(found.kind)));
        records.extend(self.outages.charged(moment, &self.readiness.charge).map(Record::Outage));
        records.extend(found.map(Record::Test));
    }
}

const fn kind(kind: self_test::Kind) -> Kind {
    match kind {
        self_test::Kind::Monthly => Kind::Monthly,
        self_test::Kind::Annual => Kind::Annual,
        self_test::Kind::Manual => Kind::Manual,
    }
}
