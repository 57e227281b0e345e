/// The crossing without trials: every boundary of it, and whose state each is on, asked twice.
import Findings
import Invariants
import Machine
import Platform
import Subjects

/// A boundary of the baseline, with everything that asking twice and the trials found out about it.
package struct Boundary {
  package var state: BoundaryState
  /// RSP is the user's, as a run that knew no more than the crossing's found it.
  var rspIsUser: Bool
  package var ownership: Ownership = []
  /// Interrupts are on as the kernel claims for this place; nil where it claims nothing.
  package var claimedOn: Bool?
  /// Interrupts are on as the kernel's own record of them says; nil where it keeps none.
  package var tracedOn: Bool?
  /// The kernel's next instruction writes CR3.
  package var writesTables = false
  /// For each event: what became of it here.
  package var arrivals: [EventKind: Arrival] = [:]
}

package struct Recording {
  package var boundaries: [Boundary]
  package var swapgs = 0
  /// Nil when the recording grew too long.
  package var end: RunEnd?
  /// RIP at the end.
  package var stoppedAt: UInt64 = 0
  /// What user mode sees at the end, where the run came back.
  package var view: UserView?
  /// It grew too long, and another task had the processor.
  package var isAnothersTurn = false
  /// What it cost.
  package var instructions = 0
}

extension Recording {
  /// Where the kernel loads page tables of its own on the way in, and user mode ran on the same: the crossing has no others. Nil where it does not.
  ///
  /// - Parameter wayIn: how many boundaries that has.
  package func vainTableLoad(wayIn: Int) -> UInt64? {
    guard let top = boundaries.first.map({ Processor.topTable(of: $0.state.cr3) }),
      boundaries.allSatisfy({ Processor.topTable(of: $0.state.cr3) == top })
    else { return nil }
    return boundaries.prefix(wayIn).first { $0.writesTables }?.state.rip
  }
}

extension ReadyMachine {
  /// Records the crossing, as the ablations leave it, with the events that the path names, and finds whose state each boundary is
  /// on. What asking twice adds to `user` serves every later run.
  package func observe(
    _ crossing: CrossingKind, _ user: inout UserSide, _ path: [Int: EventKind] = [:], _ ablations: [Ablation] = [],
    _ swapgsCount: Int = 0, longest: Int = .max
  ) -> Recording {
    var recording = record(crossing, user, path, ablations, swapgsCount, longest: longest)
    var instructions = recording.instructions
    if recording.boundaries.contains(where: { $0.state.isKernel && $0.state.cr3 != user.cr3 }) {
      user.hasSplitTables = true
    }
    let known = user.stackPointers
    instructions += askTwice(crossing, &user, recording.boundaries, path, ablations, swapgsCount)
    if path.isEmpty && ablations.isEmpty {
      user.kernelGSBases = Set(recording.boundaries.lazy.filter(\.state.isKernel).map(\.state.gsBase))
        .subtracting(user.gsBases)
      user.kernelTables = kernelTables(recording.boundaries, user)
      user.kernelCR3 = kernelCR3(recording.boundaries, user)
    }
    if user.stackPointers != known {
      recording = record(crossing, user, path, ablations, swapgsCount, longest: longest)
      instructions += recording.instructions
    }
    recording.instructions = instructions
    for i in recording.boundaries.indices {
      let boundary = recording.boundaries[i]
      recording.boundaries[i].ownership = user.ownership(of: boundary.state, rspIsUser: boundary.rspIsUser)
    }
    return recording
  }

  /// Top tables that the crossing works on in the kernel, but the user's. Where there are several, those of them in which the user's code is
  /// where it is for the user: the others are of no task, or of another one.
  private func kernelTables(_ boundaries: [Boundary], _ user: UserSide) -> Set<UInt64> {
    let all = Set(boundaries.lazy.filter(\.state.isKernel).map { Processor.topTable(of: $0.state.cr3) })
      .subtracting([user.topTable])
    guard all.count > 1, let code = boundaries.first?.state.rip else { return all }
    let place = computer.processor.physicalAddress(of: code, tables: user.topTable)
    let own = all.filter { computer.processor.physicalAddress(of: code, tables: $0) == place }
    return own.isEmpty ? all : own
  }

  /// The kernel's CR3 in the crossing, where it is not the user's: the first, and of a hypervisor's guest the first in whose tables its kernel
  /// is beside the hypervisor.
  package func kernelCR3(_ boundaries: [Boundary], _ user: UserSide) -> UInt64? {
    let processor = computer.processor
    return boundaries.lazy.filter(\.state.isKernel).map(\.state.cr3).first { cr3 in
      guard let guestKernel = processor.guestKernel else { return cr3 != user.cr3 }
      return Processor.topTable(of: cr3) != user.topTable
        && processor.physicalAddress(of: guestKernel, tables: cr3) != nil
    }
  }

  private func record(
    _ crossing: CrossingKind, _ user: UserSide, _ path: [Int: EventKind], _ ablations: [Ablation], _ swapgsCount: Int,
    longest: Int
  ) -> Recording {
    computer.restore()
    let run = run(user, crossing, ablations, swapgsCount)
    // What another task does is none of the crossing's boundaries.
    run.waits = false
    var result = Recording(boundaries: [])
    func note() {
      let isKernel = computer.isInKernel
      result.boundaries.append(
        Boundary(
          state: BoundaryState(computer), rspIsUser: run.stack.isUser,
          tracedOn: isKernel ? claims.tracedOn(computer.processor) : nil))
    }
    result.end = run.play(
      goesOn: { run.hasEvent(path) },
      choosing: {
        if result.boundaries.count == longest { return .stop }
        note()
        if computer.isInKernel, let bytes = computer.processor.bytes(atLinear: computer.processor.rip, count: 4) {
          if bytes.starts(with: Ablation.swapgs) { result.swapgs += 1 }
          result.boundaries[result.boundaries.count - 1].writesTables = Ablation.writesCR3(bytes) != nil
        }
        return run.choice(path)
      })
    result.instructions = run.instructions
    result.stoppedAt = computer.processor.rip
    if case .bound = result.end { result.isAnothersTurn = run.isAnothersTurn }
    if result.end == .user {
      note()
      result.view = userView()
    }
    return result
  }

  /// Runs again with another RSP and another GS base of the user's. Where the values differ at a boundary they are the user's,
  /// and are noted as such. Once the two runs have gone apart there is nothing to compare. Returns what it cost.
  private func askTwice(
    _ crossing: CrossingKind, _ user: inout UserSide, _ boundaries: [Boundary], _ path: [Int: EventKind],
    _ ablations: [Ablation], _ swapgsCount: Int
  ) -> Int {
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
    let run = run(other, crossing, ablations, swapgsCount)
    var rest = boundaries[...]
    var differed = false
    run.play(
      goesOn: { run.hasEvent(path) },
      choosing: {
        guard let boundary = rest.popFirst(), processor.rip == boundary.state.rip,
          computer.isInKernel == boundary.state.isKernel
        else { return .stop }
        let state = boundary.state
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
        return run.choice(path)
      })
    return run.instructions
  }
}
