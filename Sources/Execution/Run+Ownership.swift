/// Whose state a run is on.
import Invariants
import Machine
import Platform

extension Run {
  /// Whose state the boundary at which the run stands is on.
  package func ownership(of state: BoundaryState) -> Ownership {
    user.ownership(of: state, rspIsUser: stack.isUser)
  }

  /// Whose state an event interrupted.
  func ownership(of standing: Standing) -> Ownership {
    let canPush = computer.canPushFrame(below: standing.rsp)
    return user.ownership(
      isKernel: standing.isKernel, gsBase: standing.gsBase, cr3: standing.cr3, rspIsUser: stack.isUser,
      canPush: canPush,
      isAtStackEnd: !canPush && computer.canPushFrame(below: standing.rsp &+ 8))
  }

  /// The kernel faulted on an address that its own tables do not map: where it reads for its user what the user may not have.
  func isUnmappedForKernel(_ delivery: DeliveredEvent) -> Bool {
    guard delivery.fromKernel, delivery.vector == Vector.pageFault.rawValue, let tables = user.kernelCR3 else {
      return false
    }
    return processor.physicalAddress(of: delivery.cr2, tables: tables) == nil
  }

  func isIRET(at rip: UInt64) -> Bool {
    processor.bytes(atLinear: rip, count: Ablation.iretq.count) == Ablation.iretq
  }

  /// An IRET took its frame from there, and user mode cannot reach it.
  func isFrameOfKernels(at rsp: UInt64, from rip: UInt64) -> Bool {
    isIRET(at: rip) && processor.physicalAddress(of: rsp) != nil && !user.canReach(rsp, processor)
  }

  func loaded(_ rsp: UInt64) -> StackChange {
    .loaded(isReachableByUser: user.canReach(rsp, processor))
  }
}

/// Whose the active GS base is; looked up where it is another than before.
struct GSOwner {
  private var base: UInt64
  private(set) var isUser: Bool
  /// It is neither the user's nor one that the kernel is known to have.
  private(set) var isForeign: Bool

  init(_ base: UInt64, _ user: UserSide) {
    self.base = base
    isUser = user.gsBases.contains(base)
    isForeign = user.isForeign(gsBase: base)
  }

  mutating func follow(_ base: UInt64, _ user: UserSide) { if base != self.base { self = GSOwner(base, user) } }
}
