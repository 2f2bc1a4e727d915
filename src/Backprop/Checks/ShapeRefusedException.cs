namespace Backprop.Checks;

/// <summary>A layer cannot take so many columns. On its way out it learns the names of the layers, and in the end what the input was.</summary>
internal sealed class ShapeRefusedException(string layer, string expectation, int came) : ArgumentException
{
    private string _path = "", _came = $"there are {came}";

    /// <inheritdoc/>
    public override string? ParamName => "x";

    /// <inheritdoc/>
    public override string Message => $"{(_path.Length == 0 ? "" : $"{_path}: ")}{layer} expects {expectation}, but {_came}. (Parameter 'x')";

    /// <summary>One name more in front.</summary>
    internal ShapeRefusedException In(string name)
    {
        if (name.Length > 0) _path = _path.Length == 0 ? name : $"{name}.{_path}";
        return this;
    }

    /// <summary>Says where this began and what came: the input itself, or what the layer before gives.</summary>
    internal ShapeRefusedException At(string path, string shape, int columns)
    {
        _came = columns == came ? $"x is {shape}" : $"the layer before gives {came}";
        return In(path);
    }
}
