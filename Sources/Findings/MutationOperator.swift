/// The small mistakes that `limen mutate` makes in entry code, one at a time. `Documentation/Mutants.md` has a line for each.
public enum MutationOperator: String, Vocabulary, Explained {
  case delete
  case swap
  case otherRegister = "other-register"
  case otherCondition = "other-condition"
  case alwaysTaken = "always-taken"
  case narrow
  case frameOffset = "frame-offset"
  case perCPUSlot = "per-cpu-slot"
  case otherSegment = "other-segment"
  case otherPlace = "other-place"
  case dropGuard = "drop-guard"
  case weakenMask = "weaken-mask"
  case otherConstant = "other-constant"
  case skipCall = "skip-call"

  /// What it does to one instruction.
  public var meaning: String {
    switch self {
    case .delete: "An instruction is not there."
    case .swap: "An instruction and the next change places."
    case .otherRegister: "An operand is another register."
    case .otherCondition: "A condition is its opposite."
    case .alwaysTaken: "A conditional jump always jumps."
    case .narrow: "A 64-bit operation is one of 32 bits."
    case .frameOffset: "An offset from a register, or an addition to RSP, is a word more or less."
    case .perCPUSlot: "An operand behind FS or GS is a word further up or down."
    case .otherSegment: "The override by FS or GS is lost."
    case .otherPlace: "An operand at a fixed address is a word further up or down."
    case .dropGuard: "A change of control state, a mask, a segment, or a fence is not there."
    case .weakenMask: "One bit of a mask or of a test is another."
    case .otherConstant: "A constant is one more."
    case .skipCall: "A CALL is not there."
    }
  }
}
