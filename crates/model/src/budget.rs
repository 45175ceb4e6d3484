//! What a piece of work may cost, counted down as it goes.

/// The cost a parse or evaluation may have; every loop over foreign input takes from one of its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Octets that may be kept (not merely read).
    pub octets: usize,
    /// Things that may be made: parts, fields, addresses, rows.
    pub items: usize,
    /// Nesting that is followed.
    pub depth: usize,
    /// Steps of work, for what neither octets nor items bound.
    pub steps: usize,
}

/// The budget's field that ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverBudget {
    /// Too much would have to be kept.
    #[error("too many octets")]
    Octets,
    /// Too many parts, fields, addresses or rows.
    #[error("too many items")]
    Items,
    /// Nested too deep.
    #[error("nested too deep")]
    Depth,
    /// Too much work.
    #[error("too many steps")]
    Steps,
}

impl Budget {
    /// Takes `n` octets.
    pub fn take_octets(&mut self, n: usize) -> Result<(), OverBudget> {
        take(&mut self.octets, n, OverBudget::Octets)
    }

    /// Takes one item.
    pub fn take_item(&mut self) -> Result<(), OverBudget> {
        take(&mut self.items, 1, OverBudget::Items)
    }

    /// Takes `n` steps.
    pub fn take_steps(&mut self, n: usize) -> Result<(), OverBudget> {
        take(&mut self.steps, n, OverBudget::Steps)
    }

    /// The budget one level down: the same, with less depth.
    pub fn deeper(mut self) -> Result<Budget, OverBudget> {
        take(&mut self.depth, 1, OverBudget::Depth)?;
        Ok(self)
    }
}

fn take(left: &mut usize, n: usize, over: OverBudget) -> Result<(), OverBudget> {
    *left = left.checked_sub(n).ok_or(over)?;
    Ok(())
}
