/// The crossing without trials: every boundary of it, and whose state each is on, asked twice.
import Findings
import Invariants
import Machine

extension Exploration {
  /// A boundary of the baseline, with everything that asking twice and the trials found out about it.
  struct Boundary {
    var state: BoundaryState
    /// RSP is the user's, as a run that knew no more than the crossing's found it.
    var rspIsUser: Bool
    var ownership: Ownership = []
    /// Interrupts are on as the kernel claims for this place; nil where it claims nothing.
    var claimedOn: Bool?
    /// Interrupts are on as the kernel's own record of them says; nil where it keeps none.
    var tracedOn: Bool?
    /// For each event: what became of it here.
    var arrivals: [EventKind: Arrival] = [:]
  }

  struct Recording {
    var boundaries: [Boundary]
    var swapgs = 0
    /// Nil when the recording grew too long.
    var end: RunEnd?
    /// RIP at the end.
    var stoppedAt: UInt64 = 0
    /// What user mode sees at the end, where the run came back.
    var view: UserView?
  }

  /// Records the crossing, as the ablations leave it, with the events that the path names, and finds whose state each boundary is
  /// on. What asking twice adds to `user` serves every later run.
  func observe(
    _ user: inout UserSide, _ path: [Int: EventKind] = [:], _ ablations: [Ablation] = [], _ swapgsCount: Int = 0,
    longest: Int = .max
  ) -> Recording {
    var recording = record(user, path, ablations, swapgsCount, longest: longest)
    if recording.boundaries.contains(where: { $0.state.isKernel && $0.state.cr3 != user.cr3 }) {
      user.hasSplitTables = true
    }
    let known = user.stackPointers
    askTwice(&user, recording.boundaries, path, ablations, swapgsCount)
    if path.isEmpty && ablations.isEmpty {
      user.kernelGSBases = Set(recording.boundaries.lazy.filter(\.state.isKernel).map(\.state.gsBase))
        .subtracting(user.gsBases)
    }
    if user.stackPointers != known { recording = record(user, path, ablations, swapgsCount, longest: longest) }
    for i in recording.boundaries.indices {
      let boundary = recording.boundaries[i]
      recording.boundaries[i].ownership = user.ownership(of: boundary.state, rspIsUser: boundary.rspIsUser)
    }
    return recording
  }

  private func record(
    _ user: UserSide, _ path: [Int: EventKind], _ ablations: [Ablation], _ swapgsCount: Int, longest: Int
  ) -> Recording {
    computer.restore()
    let run = machine.run(user, crossing, ablations, swapgsCount)
    var result = Recording(boundaries: [Boundary(state: BoundaryState(computer), rspIsUser: true)])
    func note() {
      let isKernel = computer.isInKernel
      result.boundaries.append(
        Boundary(
          state: BoundaryState(computer), rspIsUser: run.stack.isUser,
          tracedOn: isKernel ? machine.claims.tracedOn(computer.processor) : nil))
    }
    result.end = run.advance(path)
    while run.goesOn(result.end, path) && result.boundaries.count < longest {
      note()
      if computer.isInKernel, let bytes = computer.processor.bytes(atLinear: computer.processor.rip, count: 3),
        bytes == Ablation.swapgs
      {
        result.swapgs += 1
      }
      result.end = run.advance(path)
    }
    costs.instructions += run.instructions
    result.stoppedAt = computer.processor.rip
    if result.end == .user {
      note()
      result.view = machine.userView()
    }
    return result
  }

  /// Runs again with another RSP and another GS base of the user's. Where the values differ at a boundary they are the user's,
  /// and are noted as such. Once the two runs have gone apart there is nothing to compare.
  private func askTwice(
    _ user: inout UserSide, _ boundaries: [Boundary], _ path: [Int: EventKind], _ ablations: [Ablation],
    _ swapgsCount: Int
  ) {
    computer.restore()
    let processor = computer.processor
    var other = user
    other.rsp = user.rsp &- 0x40
    other.stackPointers = [other.rsp]
    other.gsBase = user.gsBase ^ 0x1000
    other.gsBases = [other.gsBase]
    processor[.rsp] = other.rsp
    // SYSENTER saves no RSP: the user's stack is where EBP points (Linux, arch/x86/entry/vdso/vdso32/system_call.S).
    if crossing == .sysenter { processor[.rbp] = UInt64(UInt32(truncatingIfNeeded: processor[.rbp] &- 0x40)) }
    processor.setSegmentBase(.gs, other.gsBase)
    let run = machine.run(other, crossing, ablations, swapgsCount)
    var end = run.advance(path)
    var differed = false
    for boundary in boundaries.dropFirst() {
      let state = boundary.state
      guard run.goesOn(end, path) && processor.rip == state.rip && computer.isInKernel == state.isKernel else { break }
      if state.isKernel {
        // Where it only moves it is followed from the first.
        let differs = processor[.rsp] != state.rsp
        if differs && !differed && !boundary.rspIsUser { user.stackPointers.append(state.rsp) }
        differed = differs
        if processor.segmentBase(.gs) != state.gsBase {
          user.gsBases.insert(state.gsBase)
        } else {
          // The kernel's own is the same number: by it nothing can be told.
          user.gsBases.remove(state.gsBase)
        }
      }
      end = run.advance(path)
    }
    costs.instructions += run.instructions
  }
}
