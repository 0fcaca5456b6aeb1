//! One page of a MATE: 47 characters → typed fields.
//!
//! In: what stood between LF and CR. Out: the address and a [`Page`], where length, digit sum and field widths are good.

use super::{Address, PAGE_BYTES};

/// A page by kind of device. Units as in the guide; what this project has no place for is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Inverter(Inverter),
    Charger(Charger),
    Monitor(Monitor),
}

/// FX (guide, pages 5 to 10). Volts and amperes on the AC side are whole; already doubled and halved for 230 V units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inverter {
    /// From the battery to the loads, 0.01 A.
    pub(super) inverter_ca: i64,
    /// From the input to the battery (as AC), 0.01 A.
    pub(super) charger_ca: i64,
    /// From the input to battery and loads, 0.01 A.
    pub(super) buy_ca: i64,
    pub(super) input_v: i64,
    pub(super) output_v: i64,
    pub(super) mode: u64,
    pub(super) errors: u64,
    pub(super) ac_mode: u64,
    /// 0.1 V.
    pub(super) battery_dv: i64,
    pub(super) warnings: u64,
}

/// MX or FM (guide, pages 11 to 14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Charger {
    /// Into the battery, 0.1 A.
    pub(super) charge_da: i64,
    pub(super) panel_v: i64,
    pub(super) errors: u64,
    pub(super) mode: u64,
    /// 0.1 V.
    pub(super) battery_dv: i64,
}

/// FLEXnet DC (guide, pages 15 to 18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Monitor {
    /// Sum of the enabled shunts, 0.1 A, + is into the battery.
    pub(super) current_da: i64,
    /// 0.1 V.
    pub(super) battery_dv: i64,
    pub(super) charge_percent: i64,
    /// `None`: no sensor.
    pub(super) temperature_c: Option<i64>,
}

/// Sum of the digits, an address that is no digit as its code less 48; commas count nothing.
pub(super) fn digit_sum<'a>(characters: impl Iterator<Item = &'a u8>) -> u32 {
    characters.filter(|c| **c != b',').map(|c| u32::from(c.wrapping_sub(b'0'))).sum()
}

/// The address and page of a line.
pub(super) fn parse(line: &[u8]) -> Option<(Address, Page)> {
    let (body, sum) = line.split_at_checked(line.len().checked_sub(3)?)?;
    let body = body.strip_suffix(b",")?;
    let (first, rest) = body.split_first()?;
    let address = Address::from_char(char::from(*first))?;
    let well_formed =
        rest.iter().chain(sum).all(|c| c.is_ascii_digit() || *c == b',') && line.len() == PAGE_BYTES;
    if !well_formed || u64::from(digit_sum(body.iter()) % 1000) != number(sum)? {
        return None;
    }
    let mut fields = Fields(rest.strip_prefix(b",")?.split(is_comma));
    let page = match first {
        b'a'..=b'k' => Page::Monitor(monitor(&mut fields)?),
        b'A'..=b'K' => Page::Charger(charger(&mut fields)?),
        _ => Page::Inverter(inverter(&mut fields)?),
    };
    fields.0.next().is_none().then_some((address, page))
}

fn is_comma(character: &u8) -> bool {
    *character == b','
}

fn number(digits: &[u8]) -> Option<u64> {
    core::str::from_utf8(digits).ok()?.parse().ok()
}

/// The fields of a page, each of which has its width.
struct Fields<'a>(core::slice::Split<'a, u8, fn(&u8) -> bool>);

impl<'a> Fields<'a> {
    fn digits(&mut self, width: usize) -> Option<&'a [u8]> {
        self.0.next().filter(|field| field.len() == width)
    }

    fn code(&mut self, width: usize) -> Option<u64> {
        number(self.digits(width)?)
    }

    fn value(&mut self, width: usize) -> Option<i64> {
        i64::try_from(self.code(width)?).ok()
    }
}

fn inverter(fields: &mut Fields<'_>) -> Option<Inverter> {
    let (inverter_a, charger_a, buy_a) = (fields.value(2)?, fields.value(2)?, fields.value(2)?);
    let (input_v, output_v, _sell) = (fields.value(3)?, fields.value(3)?, fields.value(2)?);
    let (mode, errors, ac_mode) = (fields.code(2)?, fields.code(3)?, fields.code(2)?);
    let (battery_dv, misc, warnings) = (fields.value(3)?, fields.code(3)?, fields.code(3)?);
    // Bit 1 of the miscellaneous byte: a unit above 200 V sends half its volts and twice its amperes.
    let (volts, centiamperes) = if misc & 1 == 1 { (2, 50) } else { (1, 100) };
    Some(Inverter {
        inverter_ca: inverter_a * centiamperes,
        charger_ca: charger_a * centiamperes,
        buy_ca: buy_a * centiamperes,
        input_v: input_v * volts,
        output_v: output_v * volts,
        mode,
        errors,
        ac_mode,
        battery_dv,
        warnings,
    })
}

fn charger(fields: &mut Fields<'_>) -> Option<Charger> {
    let (_unused, charge_a, _panel_a, panel_v) =
        (fields.code(2)?, fields.value(2)?, fields.code(2)?, fields.value(3)?);
    let (_daily_kwh, tenths, _aux_mode) = (fields.code(3)?, fields.value(2)?, fields.code(2)?);
    let (errors, mode, battery_dv) = (fields.code(3)?, fields.code(2)?, fields.value(3)?);
    let (_daily_ah, _unused) = (fields.code(4)?, fields.code(2)?);
    Some(Charger { charge_da: charge_a * 10 + tenths, panel_v, errors, mode, battery_dv })
}

fn monitor(fields: &mut Fields<'_>) -> Option<Monitor> {
    let shunts = [fields.value(4)?, fields.value(4)?, fields.value(4)?];
    let (_extra_id, _extra, battery_dv, charge_percent) =
        (fields.code(2)?, fields.code(5)?, fields.value(3)?, fields.value(3)?);
    let (disabled, status, temperature) = (fields.digits(3)?, fields.code(2)?, fields.value(2)?);
    let current_da = shunts
        .into_iter()
        .zip(disabled)
        .zip([8, 16, 32])
        .filter(|((_, disabled), _)| **disabled == b'0')
        .map(|((current, _), negative)| if status & negative == 0 { current } else { -current })
        .sum();
    // Sent with 10 added, so that frost has no sign; 99 is no sensor.
    let temperature_c = (temperature != 99).then_some(temperature - 10);
    Some(Monitor { current_da, battery_dv, charge_percent, temperature_c })
}
