// Copies stdin to stdout. `io::copy`, like read_to_end and write_all, asks again.
use std::io;

fn main() -> io::Result<()> {
    io::copy(&mut io::stdin(), &mut io::stdout())?;
    Ok(())
}
