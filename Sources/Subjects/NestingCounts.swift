/// Words that a kernel counts up and down again around what it does: how deep it is in interrupts and NMIs, for how long it may not be preempted, who
/// still works on something of its.
///
/// They are found by following runs instruction by instruction: a word to which instructions of a run only add, and from which they only take away (INC,
/// DEC, ADD, SUB, XADD), first up and in the end back. What is counted up alone is a statistic, as far as the run tells. Words near RSP are
/// variables of functions.
import Machine
import Platform

package struct NestingCount: Sendable, Hashable {
  /// The number of the word of RAM: its physical address divided by 8.
  package var word: UInt64
  /// The bits of it that hold the count.
  package var mask: UInt64
  /// The instruction that counts up.
  package var rip: UInt64

  package func value(_ memory: PhysicalMemory) -> UInt64 { memory[word: word] & mask }

  /// How much more one value is than another.
  package func difference(_ value: UInt64, from other: UInt64) -> Int64 {
    let width = mask.nonzeroBitCount
    let shifted = ((value &- other) & mask) >> UInt64(mask.trailingZeroBitCount)
    return Int64(bitPattern: shifted << UInt64(64 - width)) >> Int64(64 - width)
  }
}

/// What the instructions of one run add to words.
package struct CountedWords {
  private struct Tally {
    var sum: Int64 = 0
    /// The first that counted, and whether that was up.
    var rip: UInt64
    var beganUp: Bool
  }
  private var tallies: [Place: Tally] = [:]
  private struct Place: Hashable {
    var word: UInt64
    var mask: UInt64
  }
  /// The count of the next instruction, before it is executed.
  private var next: (count: NestingCount, before: UInt64)?

  /// How far from RSP a stack may reach.
  private static let stackReach: UInt64 = 1 << 14

  package init() {}

  /// The run stands at a boundary in the kernel.
  package mutating func arrive(_ processor: Processor) {
    settle(processor)
    guard processor.nextMayCount, let counted = processor.nextInstruction()?.counted, counted.size <= 8,
      counted.address & 7 + UInt64(counted.size) <= 8,
      counted.address &- processor[.rsp] &+ Self.stackReach > 2 * Self.stackReach,
      let place = processor.physicalAddress(of: counted.address), processor.memory.contains(place, count: 8)
    else { return }
    let bits = UInt64.max >> UInt64(64 - 8 * counted.size)
    let count = NestingCount(word: place >> 3, mask: bits << (8 * (place & 7)), rip: processor.rip)
    next = (count, count.value(processor.memory))
  }

  /// Takes in what the instruction did before which the run was last.
  package mutating func settle(_ processor: Processor) {
    guard let (count, before) = next else { return }
    next = nil
    let change = count.difference(count.value(processor.memory), from: before)
    if change == 0 { return }
    let place = Place(word: count.word, mask: count.mask)
    tallies[place, default: Tally(rip: count.rip, beganUp: change > 0)].sum += change
  }

  /// Words that were counted up first, and are what they were.
  package var counts: [NestingCount] {
    tallies.filter { $0.value.beganUp && $0.value.sum == 0 }
      .map { NestingCount(word: $0.word, mask: $0.mask, rip: $1.rip) }
      .sorted { ($0.word, $0.mask) < ($1.word, $1.mask) }
  }
}
