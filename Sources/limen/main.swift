import LimenCommands

LimenCommands.main()
