/// Guards taken away at the crossing that need to know the unablated run: where its stack is, how deep it goes, how it returns.
import Findings
import Invariants
import Machine
import Platform
import Subjects

extension ReadyMachine {
  /// Takes guards away at the crossing, for every run from now on. Returns what can be said of the kernel without those that it
  /// did not take away; of the ones that strike while a run goes on, what can be said until they have.
  package func ablate(
    _ ablations: [Ablation], crossing: CrossingKind, user: UserSide, boundaries: [Boundary]
  ) -> [Ablation: Verdict] {
    guard !ablations.isEmpty else { return [:] }
    let pointer = stackPointer(user, crossing, boundaries)
    computer.restore()
    var unapplied: [Ablation: Verdict] = [:]
    for ablation in ablations {
      guard ablation.stands(at: crossing) else {
        unapplied[ablation] = ablation.isAbsent("\(crossing.rawValue) does not pass it")
        continue
      }
      unapplied[ablation] = computer.prepare(ablation) ?? prepare(ablation, pointer, user, boundaries)
      if ablation.watchesInstructions { unapplied[ablation] = ablation.isAbsent("nothing of the kind was met") }
    }
    refork()
    return unapplied
  }

  private func prepare(
    _ ablation: Ablation, _ pointer: StackPointer?, _ user: UserSide, _ boundaries: [Boundary]
  ) -> Verdict? {
    let done: Bool
    switch ablation {
    case .kernelStackPointerUser:
      done = pointer.map { store(user.rsp & 0x7FFF_FFFF_F000, at: $0.place) } ?? false
    case .kernelStackShort: done = pointer.map { shorten($0, boundaries) } ?? false
    case .returnLoops: done = loopAtReturn(boundaries)
    default: return nil
    }
    if done { return nil }
    return ablation.isOutOfReach(ablation == .returnLoops ? "the return" : "what names the kernel's stack, or its end,")
  }

  /// The same as `UserSide` has it. The machine stands at the crossing afterwards.
  package func stackWord(_ user: UserSide, _ crossing: CrossingKind, _ boundaries: [Boundary]) -> UInt64? {
    defer { computer.restore() }
    guard let place = stackPointer(user, crossing, boundaries)?.place, place & 7 == 0,
      computer.processor.memory.contains(place, count: 8)
    else { return nil }
    return place
  }

  /// The word from which the entry code loads its stack pointer.
  struct StackPointer {
    /// Its physical address.
    var place: UInt64
    var value: UInt64
    /// The page tables under which it is loaded.
    var tables: UInt64
  }

  /// Finds it by the value that RSP has behind the entry window.
  ///
  /// - Parameter pushed: where the processor itself loaded it, a frame was pushed there since, of 40 bytes or 48.
  func stackPointer(
    _ user: UserSide, _ crossing: CrossingKind, _ boundaries: [Boundary], pushed: Bool = false
  ) -> StackPointer? {
    // The first boundary behind the entry window: its RSP was loaded by the instruction before.
    guard
      let first = boundaries.dropFirst().firstIndex(where: {
        $0.state.isKernel && $0.ownership.isDisjoint(with: .notKernelStack)
      })
    else { return nil }
    let loaded = boundaries[first].state.rsp
    computer.restore()
    let recorder = LoadRecorder(values: pushed ? [loaded, loaded &+ 40, loaded &+ 48] : [loaded])
    computer.processor.observer = recorder
    let run = run(user, crossing, [], 0)
    run.play { run.boundary < first ? .step : .stop }
    let tables = computer.processor.cr3
    computer.processor.observer = nil
    let place = recorder.last.flatMap { computer.processor.physicalAddress(of: $0, tables: tables) }
    return place.map { StackPointer(place: $0, value: recorder.value, tables: tables) }
  }

  /// What is left on a stack that the crossing fits and an event of another frame and a few registers does not.
  private static let spareRoom: UInt64 = 64
  /// No kernel's stack is larger.
  private static let largestStack: UInt64 = 1 << 18

  /// Lets the stack start just so far above its end that the crossing alone fits. False where it has no end that is known.
  private func shorten(_ pointer: StackPointer, _ boundaries: [Boundary]) -> Bool {
    let depths = boundaries.lazy.filter {
      $0.state.isKernel && $0.ownership.isDisjoint(with: .notKernelStack)
        && pointer.value &- $0.state.rsp < Self.largestStack
    }.map { pointer.value - $0.state.rsp }
    guard let depth = depths.max() else { return false }
    var end = (pointer.value - 8) & ~0xFFF
    while computer.processor.physicalAddress(of: end - 0x1000, tables: pointer.tables) != nil {
      end -= 0x1000
      // No guard page: nothing would notice.
      guard pointer.value - end < Self.largestStack else { return false }
    }
    let short = (end + depth + Self.spareRoom) & ~0xF
    // What the kernel keeps relative to its stack pointer keeps its alignment.
    return store(short | pointer.value & 0xF, at: pointer.place)
  }

  /// Puts a jump to itself where the crossing leaves the kernel.
  private func loopAtReturn(_ boundaries: [Boundary]) -> Bool {
    guard let last = boundaries.last(where: { $0.state.isKernel })?.state,
      let place = computer.processor.physicalAddress(of: last.rip, tables: last.cr3)
    else { return false }
    return computer.processor.writePhysical(Ablation.loop, at: place)
  }

  func store(_ word: UInt64, at place: UInt64) -> Bool {
    withUnsafeBytes(of: word.littleEndian) { computer.processor.writePhysical([UInt8]($0), at: place) }
  }
}

/// Remembers where one of the values was last read from.
private final class LoadRecorder: Observer {
  private let values: [UInt64]
  private(set) var value: UInt64 = 0
  private(set) var last: UInt64?
  init(values: [UInt64]) { self.values = values }
  func read(_ linear: UInt64, size: Int, value: UInt64) {
    if size == 8 && values.contains(value) { (last, self.value) = (linear, value) }
  }
  func wrote(_ linear: UInt64, size: Int, value: UInt64) {}
  func delivered(_ vector: Vector, errorCode: UInt32?, from rip: UInt64) {}
}
