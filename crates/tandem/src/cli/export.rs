use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use serde_json::Value;
use tandem_core::table;
use tandem_core::words::counted;
use tandem_store::{ConsentRecord, Reader};

use crate::config;

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// What was known of consent and ruled on it: one record for each event and destination. No hashes, addresses or
    /// click ids.
    Consent(ConsentArgs),
}

#[derive(Debug, ClapArgs)]
struct ConsentArgs {
    /// The configuration file; the gateway may be running or not.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Only this site.
    #[arg(long)]
    site: Option<String>,
    /// Events that came in at or after this time (RFC 3339 or Unix seconds).
    #[arg(long, value_name = "TIME", value_parser = super::instant)]
    since: Option<i64>,
    /// Events that came in before this time (RFC 3339 or Unix seconds).
    #[arg(long, value_name = "TIME", value_parser = super::instant)]
    until: Option<i64>,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// Where to; an older file there is replaced. Standard output without it.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table with a header, after RFC 4180; what a spreadsheet would take for a formula begins with an apostrophe.
    Csv,
    /// JSON Lines: one object a line.
    Json,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.what {
        What::Consent(args) => consent(args),
    }
}

fn consent(args: &ConsentArgs) -> anyhow::Result<ExitCode> {
    let config = match config::load(&args.config) {
        Ok(config) => config,
        Err(problems) => {
            eprint!("{problems}");
            return Ok(ExitCode::from(2));
        }
    };
    let (since, until) = (args.since.unwrap_or(i64::MIN), args.until.unwrap_or(i64::MAX));
    anyhow::ensure!(since < until, "--since must be before --until");
    let reader = Reader::open(&config.store.path)?;
    let mut sink =
        Sink { out: BufWriter::new(output(args.output.as_deref())?), format: args.format, count: 0 };
    match sink.take_all(&reader, args.site.as_deref(), since, until)? {
        Ok(()) => {
            eprintln!("{}", counted(sink.count, "record"));
            Ok(ExitCode::SUCCESS)
        }
        // Whoever reads the start of it has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error).context("cannot write the records"),
    }
}

fn output(path: Option<&Path>) -> anyhow::Result<Box<dyn Write>> {
    let Some(path) = path else { return Ok(Box::new(io::stdout())) };
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Box::new(file))
}

/// Where records go.
struct Sink<W: Write> {
    out: W,
    format: Format,
    count: u64,
}

impl<W: Write> Sink<W> {
    /// Writes every record of the period; trouble with the file is one thing, with the output another.
    fn take_all(
        &mut self,
        reader: &Reader,
        site: Option<&str>,
        since: i64,
        until: i64,
    ) -> anyhow::Result<io::Result<()>> {
        if self.format == Format::Csv
            && let Err(error) = self.header()
        {
            return Ok(Err(error));
        }
        let mut each = |record| match self.take(&record) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        };
        Ok(match reader.consent_records(site, since, until, &mut each)? {
            ControlFlow::Break(error) => Err(error),
            ControlFlow::Continue(()) => self.out.flush(),
        })
    }

    fn header(&mut self) -> io::Result<()> {
        write!(self.out, "{}\r\n", ConsentRecord::COLUMNS.join(","))
    }

    fn take(&mut self, record: &ConsentRecord) -> io::Result<()> {
        match self.format {
            Format::Csv => write!(self.out, "{}\r\n", row(record)?)?,
            Format::Json => {
                serde_json::to_writer(&mut self.out, record)?;
                self.out.write_all(b"\n")?;
            }
        }
        self.count += 1;
        Ok(())
    }
}

fn row(record: &ConsentRecord) -> io::Result<String> {
    let fields = serde_json::to_value(record)?;
    let cells = ConsentRecord::COLUMNS.map(|name| match &fields[name] {
        Value::Null => String::new(),
        Value::String(text) => table::cell(text),
        other => other.to_string(),
    });
    Ok(cells.join(","))
}
