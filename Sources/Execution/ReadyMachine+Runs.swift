/// Runs of the crossing at which a ready machine stands.
import Findings
import Invariants
import Machine
import Platform
import Subjects

extension ReadyMachine {
  /// The user's side of the crossing at which the machine stands.
  package func userSide(_ crossing: CrossingKind) -> UserSide {
    let processor = computer.processor
    return UserSide(
      rsp: processor[.rsp], stackPointers: [processor[.rsp]], gsBase: processor.segmentBase(.gs),
      gsBases: [processor.segmentBase(.gs)], cr3: processor.cr3, topTable: processor.topTable,
      topEntries: computer.platform == .xen ? processor.topTableEntries : [],
      interruptsOpen: computer.interruptsOpen, entersBySysenter: crossing == .sysenter, hasSplitTables: false)
  }

  package func run(_ user: UserSide, _ crossing: CrossingKind, _ ablations: [Ablation], _ swapgs: Int) -> Run {
    let run = Run(
      computer, user: user, crossing: crossing, ablations: ablations, swapgsCount: swapgs, claims: claims,
      stacks: stacks ?? [], userMemory: userMemory, hasAlarm: hasAlarm)
    // Until the next run, or nobody watches the machine any more.
    computer.console = { [unowned computer] in
      run.console.append($0)
      // A run looks at each line as soon as it stands.
      if $0 == UInt8(ascii: "\n") { computer.processor.requestStop() }
    }
    return run
  }

  /// What user mode can see at this boundary.
  package func userView() -> UserView { UserView(computer, userMemory) }
}
