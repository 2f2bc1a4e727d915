using System.Numerics;
using Spectre.Console;

namespace Backprop.Walkthrough;

/// <summary>The story's first half: the data, the network, the forward pass, the loss.</summary>
internal static class NotebookForward
{
    public static void Tell<T>(IAnsiConsole console, Notebook<T> notebook) where T : unmanaged, IFloatingPointIeee754<T>
    {
        console.Heading("Backpropagation, by hand");
        console.Say("How does a network know which way to move its weights? Here is the smallest one that shows it, with every number on the way, computed as you read. "
            + $"At the end PyTorch computes the same. (In {(typeof(T) == typeof(double) ? "double" : "float")}; --help tells what you can change.)");

        var n = notebook.Settings.Points;
        console.Heading("1. The data");
        console.Say(n == 1 ? "1 point on the line y = x: the network is to answer each x with the same number."
            : $"{n} points on the line y = x, spread evenly from -1 to 1: the network is to answer each x with the same number.");

        console.Heading("2. The network");
        console.Say("One hidden node, one output node, and between them the sigmoid that makes the network more than a line:");
        console.WriteLine();
        console.Show(
            "x --> hidden --> a1 --> sigmoid --> z1 --> output --> y_hat",
            "",
            "hidden    a1    = w1 x + b1          " + Parameters(notebook.Hidden, 1),
            "sigmoid   z1    = 1 / (1 + e^-a1)",
            "output    y_hat = w2 z1 + b2         " + Parameters(notebook.Output, 2));

        console.Heading("3. Forward pass");
        console.Say("From left to right, each point by itself. The pass keeps every value, because the way back needs them.");
        NotebookRows.Show(console, ["x", "a1\nw1 x + b1", "z1\nsigmoid(a1)", "y_hat\nw2 z1 + b2", "y\ntarget"],
            notebook.X, notebook.A1, notebook.Z1, notebook.YHat, notebook.Y);

        console.Heading("4. Loss");
        console.Say("How wrong is y_hat? The mean squared error says it in one number, over all n points:");
        console.WriteLine();
        console.Show($"L = 1/n sum (y_hat - y)^2 = {Screen.Full(notebook.Loss)}          n = {n}");
    }

    private static string Parameters<T>(Linear<T> linear, int number) where T : unmanaged, IFloatingPointIeee754<T> =>
        $"w{number} = {Screen.Full(linear.Weight.Value[0, 0])}, b{number} = {Screen.Full(linear.Bias!.Value[0])}";
}
