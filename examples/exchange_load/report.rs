//! The figures, as a table or as JSON.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use crate::process::{Server, Usage};

/// Looks at memory in the course of a part.
const LOOKS: u32 = 10;

#[derive(Debug, Serialize)]
pub struct Report {
    /// What the server says of its rate limits.
    pub rate_limits: String,
    pub streams: Option<Streams>,
    pub orders: Option<Orders>,
}

#[derive(Debug, Serialize)]
pub struct Streams {
    pub clients: u32,
    pub events_per_second: u32,
    pub seconds: u32,
    /// Deliveries if every client hears every event once.
    pub expected: u64,
    pub delivered: u64,
    pub per_second: f64,
    pub delays: Delays,
    /// Clients that the server cut off, and those that were still behind at the end.
    pub cut_off: u32,
    pub late: u32,
    pub cpu: Cpu,
    pub memory: Memory,
}

#[derive(Debug, Serialize)]
pub struct Orders {
    pub clients: u32,
    pub seconds: u32,
    pub accepted: u64,
    pub refused: u64,
    pub first_refusal: Option<String>,
    pub per_second: f64,
    pub delays: Delays,
    pub cpu: Cpu,
    pub memory: Memory,
}

/// Milliseconds.
#[derive(Debug, Serialize)]
pub struct Delays {
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

/// Processor time.
#[derive(Debug, Serialize)]
pub struct Cpu {
    /// Cores in use on average.
    pub server_cores: f64,
    pub clients_cores: f64,
    /// Microseconds for a delivery, or for an order with its share of cancellations.
    pub server_us_each: f64,
    pub clients_us_each: f64,
}

/// Resident memory of the server in MiB: at the start, and after each tenth of the part.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Memory(pub Vec<f64>);

impl Memory {
    /// Lets a part's time pass, and looks at memory meanwhile.
    pub async fn watch(server: &mut Server, length: Duration) -> Result<Memory, String> {
        let from = Instant::now();
        let mut resident = vec![server.usage()?.resident_mib];
        for look in 1..=LOOKS {
            sleep_until(from + length * look / LOOKS).await;
            server.check()?;
            resident.push(server.usage()?.resident_mib);
        }
        Ok(Memory(resident))
    }
}

impl Cpu {
    /// What was used between two looks, in which so many things were done.
    pub fn between(before: &Usage, after: &Usage, done: u64) -> Cpu {
        let took = after.at.saturating_duration_since(before.at).as_secs_f64();
        let server = after.server_cpu.saturating_sub(before.server_cpu).as_secs_f64();
        let clients = after.own_cpu.saturating_sub(before.own_cpu).as_secs_f64();
        let each = 1e6 / done.max(1) as f64;
        Cpu {
            server_cores: server / took,
            clients_cores: clients / took,
            server_us_each: server * each,
            clients_us_each: clients * each,
        }
    }
}

impl Delays {
    pub fn of(microseconds: &Histogram<u64>) -> Delays {
        let at = |quantile| microseconds.value_at_quantile(quantile) as f64 / 1_000.0;
        Delays { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: microseconds.max() as f64 / 1_000.0 }
    }
}

impl Report {
    pub fn print_json(&self) {
        let text = serde_json::to_string_pretty(self).expect("figures and texts can be written");
        println!("{text}");
    }

    pub fn print_table(&self) {
        println!("rate limits: {}\n", self.rate_limits);
        let mut row = |name: &str, what: String| println!("{name:<18} {what}");
        if let Some(part) = &self.streams {
            row(
                "streams",
                format!("{} clients, {} events/s, {} s", part.clients, part.events_per_second, part.seconds),
            );
            row("  delivered", format!("{} of {}, {:.0} messages/s", part.delivered, part.expected, part.per_second));
            if part.cut_off + part.late > 0 {
                row("  NOT WHOLE", format!("{} clients were cut off, {} were behind", part.cut_off, part.late));
            }
            row("  delay", part.delays.told());
            part.cpu.rows(&mut row, "message");
            row("  memory", part.memory.told());
        }
        if let Some(part) = &self.orders {
            row("orders", format!("{} clients, {} s", part.clients, part.seconds));
            row("  accepted", format!("{}, {:.0} orders/s", part.accepted, part.per_second));
            if let Some(why) = &part.first_refusal {
                row("  REFUSED", format!("{}, the first with {why}", part.refused));
            }
            row("  answered after", part.delays.told());
            part.cpu.rows(&mut row, "order");
            row("  memory", part.memory.told());
        }
    }
}

impl Delays {
    fn told(&self) -> String {
        format!("p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, most {:.2} ms", self.p50, self.p99, self.p999, self.max)
    }
}

impl Cpu {
    fn rows(&self, row: &mut impl FnMut(&str, String), of: &str) {
        row("  processor", format!("server {:.2} cores, clients {:.2} cores", self.server_cores, self.clients_cores));
        row(
            "  for each",
            format!("server {:.1} µs, clients {:.1} µs a {of}", self.server_us_each, self.clients_us_each),
        );
    }
}

impl Memory {
    fn told(&self) -> String {
        let looks: Vec<String> = self.0.iter().map(|mib| format!("{mib:.0}")).collect();
        format!("{} MiB", looks.join(" "))
    }
}
