//! GIF: blocks, of which some are cut into sub-blocks of at most 255 bytes.

use super::{Format, PictureError, Step, check_size, le};

/// Applications whose loop count stays.
const ANIMATIONS: [&[u8; 11]; 2] = [b"NETSCAPE2.0", b"ANIMEXTS1.0"];
const IMAGE: u8 = 0x2c;
const EXTENSION: u8 = 0x21;
const TRAILER: u8 = 0x3b;
const GRAPHIC_CONTROL: u8 = 0xf9;
const APPLICATION: u8 = 0xff;

/// What happens to the sub-blocks that follow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Blocks {
    Kept,
    Dropped,
    /// Only the loop count stays, in the extension of this application.
    Loop(&'static [u8; 11]),
}

#[derive(Clone, Copy)]
enum State {
    Start,
    Screen,
    /// The next piece says what the next block is.
    Block,
    /// Colours have passed; the next piece says what the next block is.
    Colours,
    Image,
    /// A picture's own colours have passed; its code size is next.
    CodeSize,
    Codes,
    Extension,
    Control,
    ApplicationLength,
    Application,
    /// The next piece is a sub-block's length.
    Length(Blocks),
    /// A sub-block has passed.
    Passed(Blocks),
    LoopCount(&'static [u8; 11]),
    Done,
}

pub(super) struct Gif {
    state: State,
    has_pixels: bool,
}

impl Default for Gif {
    fn default() -> Self {
        Self { state: State::Start, has_pixels: false }
    }
}

impl Format for Gif {
    fn next(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<Step, PictureError> {
        match self.state {
            State::Start => Ok(self.go(State::Screen, Step::Take(13))),
            State::Screen => {
                check_size(le(piece, 6, 2), le(piece, 8, 2))?;
                out.extend_from_slice(piece);
                Ok(self.go(State::Colours, Step::Copy(colours(piece[10]))))
            }
            State::Colours => Ok(self.go(State::Block, Step::Take(1))),
            State::Block => self.block(piece[0], out),
            State::Image => {
                check_size(le(piece, 4, 2), le(piece, 6, 2))?;
                self.has_pixels = true;
                out.push(IMAGE);
                out.extend_from_slice(piece);
                Ok(self.go(State::CodeSize, Step::Copy(colours(piece[8]))))
            }
            State::CodeSize => Ok(self.go(State::Codes, Step::Take(1))),
            State::Codes => {
                out.extend_from_slice(piece);
                Ok(self.length(Blocks::Kept))
            }
            State::Extension | State::Control | State::ApplicationLength | State::Application => {
                self.extension(piece, out)
            }
            State::Length(blocks) => Ok(self.sub_block(blocks, piece[0], out)),
            State::Passed(blocks) => Ok(self.length(blocks)),
            State::LoopCount(application) => Ok(self.loop_count(application, piece, out)),
            State::Done => Ok(Step::End),
        }
    }
}

impl Gif {
    fn go(&mut self, state: State, step: Step) -> Step {
        self.state = state;
        step
    }

    fn length(&mut self, blocks: Blocks) -> Step {
        self.go(State::Length(blocks), Step::Take(1))
    }

    fn block(&mut self, introducer: u8, out: &mut Vec<u8>) -> Result<Step, PictureError> {
        match introducer {
            IMAGE => Ok(self.go(State::Image, Step::Take(9))),
            EXTENSION => Ok(self.go(State::Extension, Step::Take(1))),
            TRAILER if self.has_pixels => {
                out.push(TRAILER);
                Ok(self.go(State::Done, Step::End))
            }
            TRAILER => Err(PictureError::Malformed("it ends before the first image")),
            // Some programs write one terminator too many.
            0 => Ok(Step::Take(1)),
            _ => Err(PictureError::Malformed("an unknown block")),
        }
    }

    fn extension(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<Step, PictureError> {
        match (self.state, piece) {
            (State::Extension, [GRAPHIC_CONTROL]) => Ok(self.go(State::Control, Step::Take(6))),
            (State::Extension, [APPLICATION]) => Ok(self.go(State::ApplicationLength, Step::Take(1))),
            (State::Control, [4, _, _, _, _, 0]) => {
                out.extend_from_slice(&[EXTENSION, GRAPHIC_CONTROL]);
                out.extend_from_slice(piece);
                Ok(self.go(State::Block, Step::Take(1)))
            }
            (State::Control, _) => Err(PictureError::Malformed("a graphic control of another length")),
            (State::ApplicationLength, [11]) => Ok(self.go(State::Application, Step::Take(11))),
            (State::ApplicationLength, [length]) => Ok(self.sub_block(Blocks::Dropped, *length, out)),
            (State::Application, name) => {
                let known = ANIMATIONS.into_iter().find(|known| *known == name);
                Ok(self.length(known.map_or(Blocks::Dropped, Blocks::Loop)))
            }
            // Comments, plain text and what is unknown.
            _ => Ok(self.length(Blocks::Dropped)),
        }
    }

    fn sub_block(&mut self, blocks: Blocks, length: u8, out: &mut Vec<u8>) -> Step {
        if blocks == Blocks::Kept {
            out.push(length);
        }
        match (length, blocks) {
            (0, _) => self.go(State::Block, Step::Take(1)),
            (3, Blocks::Loop(application)) => self.go(State::LoopCount(application), Step::Take(3)),
            (_, Blocks::Kept) => self.go(State::Passed(blocks), Step::Copy(length.into())),
            (_, Blocks::Dropped | Blocks::Loop(_)) => self.go(State::Passed(blocks), Step::Skip(length.into())),
        }
    }

    /// Writes the application's extension with its loop count, and drops the rest of it.
    fn loop_count(&mut self, application: &'static [u8; 11], piece: &[u8], out: &mut Vec<u8>) -> Step {
        if piece[0] != 1 {
            return self.length(Blocks::Loop(application));
        }
        out.extend_from_slice(&[EXTENSION, APPLICATION, 11]);
        out.extend_from_slice(application);
        out.push(3);
        out.extend_from_slice(piece);
        out.push(0);
        self.length(Blocks::Dropped)
    }
}

/// Returns the length of the table of colours that these flags announce.
fn colours(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}
