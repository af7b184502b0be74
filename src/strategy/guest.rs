//! A strategy that comes as code, and not from the settings: one of a program that uses this crate as a library, or of a
//! test.
//!
//! What it remembers cannot be recorded, so a session with a guest has no snapshot that replays.

use std::fmt;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Strategy;
use crate::types::{InstrumentId, Instruments};

/// A strategy that can sit at a desk. Every [`Strategy`] that can be copied is one.
pub trait GuestStrategy: Strategy + Send + Sync {
    /// A copy, with all that it remembers.
    fn copied(&self) -> Box<dyn GuestStrategy>;
}

impl<T: Strategy + Clone + Send + Sync + 'static> GuestStrategy for T {
    fn copied(&self) -> Box<dyn GuestStrategy> {
        Box::new(self.clone())
    }
}

/// A guest with an instance for every instrument.
#[derive(Debug, Clone)]
pub struct Guest {
    seats: Vec<GuestSeat>,
}

impl Guest {
    /// Makes an instance for each instrument.
    pub fn new<S: GuestStrategy + 'static>(
        instruments: &Instruments,
        mut make: impl FnMut(InstrumentId) -> S,
    ) -> Guest {
        Guest { seats: instruments.ids().map(|id| GuestSeat(Box::new(make(id)))).collect() }
    }

    pub(super) fn into_seats(self) -> Vec<GuestSeat> {
        self.seats
    }
}

/// One instrument's instance.
pub(super) struct GuestSeat(Box<dyn GuestStrategy>);

impl GuestSeat {
    pub(super) fn strategy(&self) -> &dyn Strategy {
        &*self.0
    }

    pub(super) fn strategy_mut(&mut self) -> &mut dyn Strategy {
        &mut *self.0
    }
}

impl Clone for GuestSeat {
    fn clone(&self) -> GuestSeat {
        GuestSeat(self.0.copied())
    }
}

impl fmt::Debug for GuestSeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GuestSeat").field(&self.0.name()).finish()
    }
}

impl PartialEq for GuestSeat {
    /// What guests remember cannot be looked at, so two of them are never known to be the same.
    fn eq(&self, _other: &GuestSeat) -> bool {
        false
    }
}

impl Serialize for GuestSeat {
    fn serialize<S: Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("a guest strategy cannot be recorded"))
    }
}

impl<'de> Deserialize<'de> for GuestSeat {
    fn deserialize<D: Deserializer<'de>>(_deserializer: D) -> Result<GuestSeat, D::Error> {
        Err(D::Error::custom("a guest strategy cannot be read from a recording"))
    }
}
