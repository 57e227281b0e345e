/// What a guest sees on a model of its hypervisor, held against what it sees on the hypervisor itself.
///
/// The two are machines of their own: their clocks, machine frames and, where a kernel allocates its stacks, the addresses of these differ.
/// So a value agrees with another if it is the same; if both were taken from the same part of the state that the guest gave away, its stack
/// among it, flags with the same bits changed; or if both are addresses of the kernel's at the same place of two pages that stand for each
/// other everywhere.
import Findings
import Subjects

/// Pages of the kernel's that stand for each other, one for one.
package struct PageRenaming {
  private var originals: [UInt64: UInt64] = [:]
  private var models: [UInt64: UInt64] = [:]

  package init() {}

  /// Whether the two may be one address, and they are one from now on.
  package mutating func agree(_ model: UInt64, _ original: UInt64) -> Bool {
    guard model & 0xFFF == original & 0xFFF, model >> 47 == 0x1FFFF, original >> 47 == 0x1FFFF else { return false }
    let (a, b) = (model >> 12, original >> 12)
    if originals[a] == nil && models[b] == nil {
      originals[a] = b
      models[b] = a
    }
    return originals[a] == b && models[b] == a
  }
}

struct SightComparison {
  private var pages = PageRenaming()
  /// In the order in which they were met.
  private(set) var differences: [AgreementDifference] = []
  private var known: [String: Int] = [:]
  let locate: (UInt64) -> Location

  init(locate: @escaping (UInt64) -> Location) { self.locate = locate }

  /// What became of the comparison of two runs.
  struct Count {
    var entries = 0
    /// The guests went apart by themselves.
    var parted = false
  }

  /// Compares two runs up to their end, or to where they go apart.
  mutating func compare(_ model: GuestRun, _ original: GuestRun, _ event: PathStep?) -> Count {
    var count = Count()
    var entries = original.entries[...]
    var models = model.entries[...]
    for index in 0..<max(model.rips.count, original.rips.count) {
      let entry = entries.first?.index == index ? entries.removeFirst() : nil
      let own = models.first?.index == index ? models.removeFirst() : nil
      guard index < model.rips.count, index < original.rips.count else { break }
      if let own, let entry {
        count.entries += 1
        compare(own, entry, event)
      }
      let from = locate(original.rips[max(0, index - 1)])
      if model.rips[index] != original.rips[index] {
        if entry == nil && own == nil {
          count.parted = true
        } else if own == nil || entry == nil {
          add("RIP", model.rips[index], original.rips[index], from, event)
        }
        return count
      }
      if let own, entry == nil {
        add("an event on the model alone", locate(own.after.rip).description, "-", from, event)
        return count
      }
      if model.masks[index] != original.masks[index] {
        add("evtchn_upcall_mask", UInt64(model.masks[index]), UInt64(original.masks[index]), from, event)
      }
    }
    if model.end != original.end {
      let place = locate(original.rips.last ?? 0)
      add("the end", model.end ?? "a bound", original.end ?? "a bound", place, event)
    } else if model.endsAsExpected != original.endsAsExpected {
      func word(_ run: GuestRun) -> String { run.endsAsExpected == true ? "as without the event" : "otherwise" }
      add("what the user has at the end", word(model), word(original), locate(original.rips.last ?? 0), event)
    }
    return count
  }

  private mutating func compare(_ model: GuestEntry, _ original: GuestEntry, _ event: PathStep?) {
    let from = locate(original.before.rip)
    let mine = model.before.sources + model.stack
    let theirs = original.before.sources + original.stack
    for (a, b) in zip(model.after.parts, original.after.parts) where !agree(a.value, b.value, mine, theirs) {
      add(a.name, a.value, b.value, from, event)
    }
    for place in model.frame.keys.sorted() {
      guard let word = model.frame[place], let other = original.frame[place] else { continue }
      if !agree(word, other, mine, theirs) { add("the frame's word \(place / 8)", word, other, from, event) }
    }
  }

  /// The flags that instructions leave, and DF: SDM vol. 1, "EFLAGS Register". Of the others a hypervisor changes some.
  private static let results: UInt64 = 0xCD5

  private mutating func agree(_ model: UInt64, _ original: UInt64, _ mine: [UInt64], _ theirs: [UInt64]) -> Bool {
    if model == original { return true }
    for (a, b) in zip(mine, theirs) {
      if a == model && b == original { return true }
      let changed = model ^ a
      if changed == original ^ b && changed & Self.results == 0 && changed < 1 << 22 { return true }
    }
    return pages.agree(model, original)
  }

  private mutating func add(
    _ what: String, _ model: UInt64, _ original: UInt64, _ from: Location, _ event: PathStep?
  ) {
    add(what, "0x" + String(model, radix: 16), "0x" + String(original, radix: 16), from, event)
  }

  private mutating func add(
    _ what: String, _ model: String, _ original: String, _ from: Location, _ event: PathStep?
  ) {
    // Values of a place differ from run to run; that they do is one difference.
    let key = "\(what) \(from) \(event?.event.rawValue ?? "")"
    if let index = known[key] {
      differences[index].count += 1
    } else {
      known[key] = differences.count
      differences.append(
        AgreementDifference(what: what, model: model, original: original, from: from, event: event))
    }
  }
}
