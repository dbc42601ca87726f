//! winuser.h: rectangles.
//! <https://learn.microsoft.com/windows/win32/gdi/rectangles>

use abi::{BOOL, Ptr, export};

/// RECT.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(C)]
pub struct Rect {
    left: i32,
    top: i32,
    right: i32,
    bottom: i32,
}

impl Rect {
    fn is_empty(&self) -> bool {
        self.left >= self.right || self.top >= self.bottom
    }

    fn intersection(&self, other: &Rect) -> Rect {
        let both = Rect {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        };
        if self.is_empty() || other.is_empty() || both.is_empty() { Rect::default() } else { both }
    }

    /// The smallest rectangle around both; empty ones do not count.
    fn union(&self, other: &Rect) -> Rect {
        match (self.is_empty(), other.is_empty()) {
            (true, true) => Rect::default(),
            (true, false) => *other,
            (false, true) => *self,
            (false, false) => Rect {
                left: self.left.min(other.left),
                top: self.top.min(other.top),
                right: self.right.max(other.right),
                bottom: self.bottom.max(other.bottom),
            },
        }
    }

    /// What is left of it without `other`, if that is a rectangle; else all of it.
    fn without(&self, other: &Rect) -> Rect {
        let cut = self.intersection(other);
        let mut rest = *self;
        if cut.is_empty() {
            return rest;
        }
        if cut == rest {
            return Rect::default();
        }
        if cut.top == rest.top && cut.bottom == rest.bottom {
            if cut.left == rest.left {
                rest.left = cut.right;
            } else if cut.right == rest.right {
                rest.right = cut.left;
            }
        } else if cut.left == rest.left && cut.right == rest.right {
            if cut.top == rest.top {
                rest.top = cut.bottom;
            } else if cut.bottom == rest.bottom {
                rest.bottom = cut.top;
            }
        }
        rest
    }
}

fn set(to: Ptr<Rect>, rect: Rect) -> BOOL {
    if to.is_null() {
        return BOOL(false);
    }
    to.set(rect);
    BOOL(true)
}

/// Stores a result and tells whether it is a rectangle at all.
fn give(to: Ptr<Rect>, rect: Rect) -> BOOL {
    BOOL(set(to, rect).0 && !rect.is_empty())
}

fn two(a: Ptr<Rect>, b: Ptr<Rect>) -> Option<(Rect, Rect)> {
    Some((a.non_null()?.get(), b.non_null()?.get()))
}

/// Sets a rectangle.
#[export(user32, full)]
pub fn SetRect(to: Ptr<Rect>, left: i32, top: i32, right: i32, bottom: i32) -> BOOL {
    set(to, Rect { left, top, right, bottom })
}

/// Sets all sides to 0.
#[export(user32, full)]
pub fn SetRectEmpty(to: Ptr<Rect>) -> BOOL {
    set(to, Rect::default())
}

/// Copies a rectangle.
#[export(user32, full)]
pub fn CopyRect(to: Ptr<Rect>, from: Ptr<Rect>) -> BOOL {
    from.non_null().map_or(BOOL(false), |from| set(to, from.get()))
}

/// Whether a rectangle has no area.
#[export(user32, full)]
pub fn IsRectEmpty(rect: Ptr<Rect>) -> BOOL {
    BOOL(rect.non_null().is_none_or(|rect| rect.get().is_empty()))
}

/// Whether two rectangles have the same sides.
#[export(user32, full)]
pub fn EqualRect(a: Ptr<Rect>, b: Ptr<Rect>) -> BOOL {
    BOOL(two(a, b).is_some_and(|(a, b)| a == b))
}

/// Moves a rectangle.
#[export(user32, full)]
pub fn OffsetRect(rect: Ptr<Rect>, x: i32, y: i32) -> BOOL {
    let Some(r) = rect.non_null().map(Ptr::get) else { return BOOL(false) };
    let moved = |at: i32, by: i32| at.wrapping_add(by);
    set(rect, Rect { left: moved(r.left, x), top: moved(r.top, y), right: moved(r.right, x), bottom: moved(r.bottom, y) })
}

/// Makes a rectangle wider and higher on all sides.
#[export(user32, full)]
pub fn InflateRect(rect: Ptr<Rect>, x: i32, y: i32) -> BOOL {
    let Some(r) = rect.non_null().map(Ptr::get) else { return BOOL(false) };
    set(
        rect,
        Rect { left: r.left.wrapping_sub(x), top: r.top.wrapping_sub(y), right: r.right.wrapping_add(x), bottom: r.bottom.wrapping_add(y) },
    )
}

/// What two rectangles have in common.
#[export(user32, full)]
pub fn IntersectRect(to: Ptr<Rect>, a: Ptr<Rect>, b: Ptr<Rect>) -> BOOL {
    two(a, b).map_or(BOOL(false), |(a, b)| give(to, a.intersection(&b)))
}

/// The smallest rectangle around two.
#[export(user32, full)]
pub fn UnionRect(to: Ptr<Rect>, a: Ptr<Rect>, b: Ptr<Rect>) -> BOOL {
    two(a, b).map_or(BOOL(false), |(a, b)| give(to, a.union(&b)))
}

/// What is left of a rectangle without another one.
#[export(user32, full)]
pub fn SubtractRect(to: Ptr<Rect>, a: Ptr<Rect>, b: Ptr<Rect>) -> BOOL {
    two(a, b).map_or(BOOL(false), |(a, b)| give(to, a.without(&b)))
}

/// Whether a point is in a rectangle; its right and bottom sides do not belong to it. The point comes as one number.
#[export(user32, full)]
pub fn PtInRect(rect: Ptr<Rect>, point: u64) -> BOOL {
    let (x, y) = (point as i32, (point >> 32) as i32);
    let holds = |r: Rect| (r.left..r.right).contains(&x) && (r.top..r.bottom).contains(&y);
    BOOL(rect.non_null().map(Ptr::get).is_some_and(holds))
}
