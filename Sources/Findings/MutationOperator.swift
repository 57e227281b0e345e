/// The small mistakes that `limen mutate` makes in entry code, one at a time. `Documentation/Mutants.md` has a line for each.
public enum MutationOperator: String, Vocabulary {
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

  /// What it does to one instruction, in a few words.
  public var title: String {
    switch self {
    case .delete: "an instruction is not there"
    case .swap: "an instruction and the next change places"
    case .otherRegister: "an operand is another register"
    case .otherCondition: "a condition is its opposite"
    case .alwaysTaken: "a conditional jump always jumps"
    case .narrow: "a 64-bit operation is one of 32 bits"
    case .frameOffset: "an offset from a register, or an addition to RSP, is a word more or less"
    case .perCPUSlot: "an operand behind FS or GS is a word further up or down"
    case .otherSegment: "the override by FS or GS is lost"
    case .otherPlace: "an operand at a fixed address is a word further up or down"
    case .dropGuard: "a change of control state, a mask, a segment, or a fence is not there"
    case .weakenMask: "one bit of a mask or of a test is another"
    case .otherConstant: "a constant is one more"
    case .skipCall: "a CALL is not there"
    }
  }
}
