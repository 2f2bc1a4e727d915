using System.CommandLine.Invocation;
using Backprop.Walkthrough;

// The root command is the notebook's story; whatever else there is to see is a subcommand.
var command = NotebookCommand.Create().Parse(args);
if (command.Action is ParseErrorAction usage) usage.ShowTypoCorrections = false; // the list of options says more
return await command.InvokeAsync();
