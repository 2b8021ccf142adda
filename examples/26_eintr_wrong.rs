// Copies stdin to stdout. `Read::read` hands an interruption on, and `?` ends the program.
use std::io::{self, Read, Write};

fn main() -> io::Result<()> {
    let mut buf = [0u8; 4096];
    loop {
        let got = io::stdin().read(&mut buf)?;
        if got == 0 {
            return Ok(());
        }
        io::stdout().write_all(&buf[..got])?;
    }
}
