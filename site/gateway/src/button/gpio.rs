//! A real line, by the kernel's GPIO character device (`gpiocdev`).
//!
//! In: chip, line, polarity. Out: presses. The line is asked for as an input with the bias that its polarity needs, and
//! the kernel lets the contact settle before it tells.

use std::io;
use std::time::Duration;

use gpiocdev::Request;
use gpiocdev::line::{Bias, EdgeDetection};

use super::Line;
use crate::config::Button;

/// An input line.
#[derive(Debug)]
pub struct Gpio(Request);

impl Gpio {
    /// Asks the kernel for it.
    ///
    /// # Errors
    /// No such chip or line, it is in use, or it may not be used.
    pub fn open(button: &Button) -> io::Result<Self> {
        let mut builder = Request::builder();
        builder
            .on_chip(&button.chip)
            .with_consumer("inverter-gateway")
            .with_line(button.line)
            .as_input()
            .with_edge_detection(EdgeDetection::RisingEdge)
            .with_debounce_period(Duration::from_millis(button.debounce_ms.into()));
        if button.active_low {
            builder.as_active_low().with_bias(Bias::PullUp);
        } else {
            builder.as_active_high().with_bias(Bias::PullDown);
        }
        builder.request().map(Self).map_err(io::Error::other)
    }
}

impl Line for Gpio {
    fn wait(&mut self) -> io::Result<()> {
        self.0.read_edge_event().map(drop).map_err(io::Error::other)
    }
}
