/// The ablations that watch a run: an instruction that guards something is passed over as if it were not there.
import Machine
import Platform

extension Run {
  /// Skips what stands at this boundary and is to be taken away.
  func skipAblated() {
    for ablation in ablations where ablation.watchesInstructions && computer.isInKernel {
      guard let bytes = processor.bytes(atLinear: processor.rip, count: 4) else { continue }
      switch ablation {
      case .swapgsSkippedAtEntry, .swapgsSkippedAtExit:
        guard Array(bytes.prefix(3)) == Ablation.swapgs else { continue }
        swapgsSeen += 1
        let wanted = ablation == .swapgsSkippedAtEntry ? 1 : swapgsCount
        guard swapgsSeen == wanted else { continue }
        processor.skip(to: processor.rip &+ 3)
        struck.insert(ablation)
      case .userCR3KeptAtEntry:
        guard let length = Ablation.writesCR3(bytes), struck.insert(ablation).inserted else { continue }
        processor.skip(to: processor.rip &+ UInt64(length))
      case .frameSlotUnwritten:
        guard Ablation.pushesArgument(bytes), struck.insert(ablation).inserted else { continue }
        processor[.rsp] &-= 8
        processor.skip(to: processor.rip &+ 2)
      case .ibrsNotWritten:
        guard Array(bytes.prefix(2)) == Ablation.wrmsr, processor[.rcx] & 0xFFFF_FFFF == 0x48 else { continue }
        processor.skip(to: processor.rip &+ 2)
        struck.insert(ablation)
      case .swapgsFenceSkipped:
        guard Array(bytes.prefix(3)) == Ablation.lfence else { continue }
        processor.skip(to: processor.rip &+ 3)
        struck.insert(ablation)
      case .verwSkipped:
        guard Ablation.clearsBuffers(bytes), let next = processor.nextInstruction() else { continue }
        processor.skip(to: processor.rip &+ UInt64(next.length))
        struck.insert(ablation)
      default: break
      }
    }
  }
}
