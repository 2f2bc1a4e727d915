using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Backprop.Explain;

/// <summary>What the page's script draws from. Large matrices are there by chosen rows and columns, a heat map and a summary; answers for what is shown.</summary>
internal sealed class JsonForm : IDisposable
{
    /// <summary>Terms of a sum that are written one by one.</summary>
    private const int Terms = 12;

    /// <summary>Rows and columns up to which a matrix is shown whole, and how many are chosen of more.</summary>
    private const int Whole = 64, Chosen = 8, MostWhole = 1024;

    /// <summary>Answers for all samples are written up to this size; past it, for the chosen ones.</summary>
    private const int MostBytes = 500_000;

    /// <summary>The sides of a heat map, at most.</summary>
    private const int HeatSize = 64;

    /// <summary>Up to so many entries the page shows no summary beside a matrix, and takes the scale of its colours alone.</summary>
    private const int MostUnsummarized = 400;

    private readonly Explanation _explanation;
    private readonly List<double>? _entries;        // where entries go instead
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private readonly Utf8JsonWriter _json;
    private readonly Dictionary<Quantity, int[]> _units = [];       // the columns that are chosen, by the quantity whose columns they are
    private readonly List<Expression> _formulas = [];

    private JsonForm(Explanation explanation, List<double>? entries = null)
    {
        (_explanation, _entries) = (explanation, entries);
        _json = new(_bytes);
    }

    public static string Of(Explanation explanation, bool answers = true, List<double>? entries = null)
    {
        using var form = new JsonForm(explanation, entries);
        form.Write(answers);
        return form.Text();
    }

    public static string Of(Explanation explanation, Answer answer)
    {
        using var form = new JsonForm(explanation);
        form.Write(answer, byNumber: false);
        return form.Text();
    }

    public void Dispose() => _json.Dispose();

    private string Text()
    {
        _json.Flush();
        return Encoding.UTF8.GetString(_bytes.WrittenSpan);
    }

    private void Write(bool answers)
    {
        _json.WriteStartObject();
        _json.WriteNumber("version", 1);
        _json.WriteString("title", _explanation.Title);
        _json.WriteString("precision", _explanation.IsFloat ? "float" : "double");
        _json.WriteString("mode", _explanation.Options.Training ? "training" : "evaluation");
        _json.WriteNumber("samples", _explanation.Input.Rows);
        _json.WritePropertyName("learningRate");
        if (_explanation.Options.LearningRate is double rate) Number(rate);
        else _json.WriteNullValue();
        WriteLoss();
        _json.WriteStartArray("layers");
        foreach (var layer in _explanation.Layers) WriteLayer(layer);
        _json.WriteEndArray();
        _json.WriteStartObject("quantities");
        foreach (var quantity in _explanation.Quantities) WriteQuantity(quantity);
        _json.WriteEndObject();
        _json.WriteStartObject("answers");
        if (answers)
            foreach (var quantity in _explanation.Quantities) WriteAnswers(quantity);
        _json.WriteEndObject();
        _json.WriteStartArray("formulas");
        foreach (var formula in _formulas) Write(formula);
        _json.WriteEndArray();
        _json.WriteString("first", _explanation.Loss is { } loss ? loss.Value.Address : _explanation.Layers[0].Output.Address);
        _json.WriteStartArray("problems");
        foreach (var problem in _explanation.Problems) _json.WriteStringValue(problem);
        _json.WriteEndArray();
        _json.WriteEndObject();
    }

    private void WriteLoss()
    {
        if (_explanation.Loss is not { } loss)
        {
            _json.WriteNull("loss");
            return;
        }

        _json.WriteStartObject("loss");
        _json.WriteString("text", loss.Text);
        _json.WriteString("prediction", loss.Prediction.Address);
        _json.WriteString("target", loss.Target.Address);
        WriteFormulas(loss.Formulas, loss.Formula, loss.Derivative, loss.Legend);
        _json.WriteEndObject();
    }

    private void WriteLayer(ExplainedLayer layer)
    {
        _json.WriteStartObject();
        _json.WriteString("path", layer.Path);
        _json.WriteString("name", layer.Name);
        _json.WriteNumber("depth", layer.Depth);
        _json.WriteBoolean("leaf", layer.IsLeaf);
        _json.WriteString("text", layer.Text);
        _json.WriteString("type", layer.Type);
        _json.WriteString("kind", !layer.IsLeaf ? "container" : layer.Type == "Linear" ? "linear" : layer.IsActivation ? "activation" : "other");
        _json.WriteString("input", layer.Input.Address);
        _json.WriteString("output", layer.Output.Address);
        _json.WriteString("inputGradient", layer.InputGradient?.Address);
        _json.WriteString("outputGradient", layer.OutputGradient?.Address);
        Strings("parameters", layer.Parameters.Select(parameter => parameter.Address));
        Strings("definitions", layer.Definitions.Select(definition => definition.Address));
        WriteFormulas(layer.Formulas, layer.Formula, layer.Derivative, layer.Legend);
        Strings("facts", layer.Facts);
        if (layer.Saturated is double saturated) _json.WriteNumber("saturated", saturated);
        _json.WriteEndObject();
    }

    private void WriteFormulas(IReadOnlyList<Expression> formulas, string formula, string derivative, IReadOnlyList<(string Symbol, Quantity Quantity)> legend)
    {
        _json.WritePropertyName("formula");
        if (formulas.Count > 0) Write(formulas[0]);
        else _json.WriteNullValue();
        _json.WriteString("formulaText", formula);
        _json.WriteStartArray("derivative");
        foreach (var next in formulas.Skip(1)) Write(next);
        _json.WriteEndArray();
        _json.WriteString("derivativeText", derivative);
        _json.WriteStartArray("legend");
        foreach (var (symbol, quantity) in legend)
        {
            _json.WriteStartArray();
            _json.WriteStringValue(symbol);
            _json.WriteStringValue(quantity.Address);
            _json.WriteEndArray();
        }

        _json.WriteEndArray();
    }

    private void WriteQuantity(Quantity quantity)
    {
        _json.WriteStartObject(quantity.Address);
        _json.WriteString("kind", quantity.Kind switch
        {
            QuantityKind.Data => "data",
            QuantityKind.Parameter => "parameter",
            QuantityKind.Loss => "loss",
            QuantityKind.Gradient => "gradient",
            QuantityKind.Next => "next",
            _ => "value",
        });
        if (quantity.Of is { } of) _json.WriteString("of", of.Address);
        if (quantity.Gradient is { } gradient) _json.WriteString("gradient", gradient.Address);
        _json.WriteNumber("rows", quantity.Rows);
        _json.WriteNumber("columns", quantity.Columns);
        if (quantity.Rank == 1) _json.WriteBoolean("vector", true);
        if (quantity.Rank == 0) _json.WriteBoolean("number", true);
        if (quantity.Frozen) _json.WriteBoolean("frozen", true);
        var (rows, columns) = (Rows(quantity), Columns(quantity));
        WriteEntries(quantity, rows, columns);
        var isCut = rows.Length < quantity.Rows || columns.Length < quantity.Columns;
        if (rows.Length < quantity.Rows) Integers("shownRows", rows);
        if (columns.Length < quantity.Columns) Integers("shownColumns", columns);
        if (quantity.Count > 0 && (quantity.IsMeasured || quantity.Count <= MostWhole)) WriteSummary(quantity, isWhole: isCut || quantity.Count > MostUnsummarized);
        if (isCut) WriteHeat(quantity);
        _json.WriteEndObject();
    }

    private void WriteEntries(Quantity quantity, int[] rows, int[] columns)
    {
        if (_entries is not null)
        {
            _json.WriteNumber("values", _entries.Count);
            foreach (var i in rows)
                foreach (var j in columns) _entries.Add(quantity.ValueAt(i, j));
            return;
        }

        _json.WriteStartArray("values");
        foreach (var i in rows)
        {
            _json.WriteStartArray();
            foreach (var j in columns) Number(quantity.ValueAt(i, j));
            _json.WriteEndArray();
        }

        _json.WriteEndArray();
    }

    private void WriteSummary(Quantity quantity, bool isWhole)
    {
        var summary = QuantitySummary.Of(quantity, isWhole);
        _json.WriteStartObject("summary");
        Number("min", summary.Min);
        Number("max", summary.Max);
        Number("norm", summary.Norm);
        if (summary.NotFinite is { } first) Integers("notFinite", [first.Row, first.Column]);
        if (isWhole) WriteDistribution(quantity, summary);
        _json.WriteEndObject();
    }

    private void WriteDistribution(Quantity quantity, QuantitySummary summary)
    {
        Number("q1", summary.Q1);
        Number("median", summary.Median);
        Number("q3", summary.Q3);
        Number("mean", summary.Mean);
        Number("zeros", summary.Zeros);
        if (_explanation.Layers.FirstOrDefault(layer => ReferenceEquals(layer.Output, quantity) && layer.Saturated is not null) is { } activation) _json.WriteNumber("saturated", activation.Saturated!.Value);
        if (quantity.Count > MostWhole)
        {
            _json.WriteStartArray("largest");
            foreach (var entry in summary.Largest)
            {
                _json.WriteStartArray();
                _json.WriteNumberValue(entry.Row);
                _json.WriteNumberValue(entry.Column);
                Number(entry.Value);
                _json.WriteEndArray();
            }

            _json.WriteEndArray();
        }

        if (quantity.Count > Chosen)
        {
            _json.WriteStartObject("histogram");
            _json.WritePropertyName("from");
            Number(summary.Min);
            _json.WritePropertyName("to");
            Number(summary.Max);
            Integers("counts", summary.Histogram);
            _json.WriteEndObject();
        }
    }

    private void WriteHeat(Quantity quantity)
    {
        if (!quantity.IsMeasured) return;
        var (height, width) = (Math.Min(quantity.Rows, HeatSize), Math.Min(quantity.Columns, HeatSize));
        _json.WriteStartObject("heat");
        _json.WriteNumber("rows", height);
        _json.WriteNumber("columns", width);
        _json.WriteStartArray("values");
        for (var i = 0; i < height; i++)
        {
            _json.WriteStartArray();
            for (var j = 0; j < width; j++)
            {
                // The mean of a block; three digits are enough for a colour.
                var (fromRow, toRow) = ((int)((long)i * quantity.Rows / height), (int)((long)(i + 1) * quantity.Rows / height));
                var (fromColumn, toColumn) = ((int)((long)j * quantity.Columns / width), (int)((long)(j + 1) * quantity.Columns / width));
                double sum = 0;
                for (var r = fromRow; r < toRow; r++)
                    for (var c = fromColumn; c < toColumn; c++) sum += quantity.ValueAt(r, c);
                var mean = sum / ((toRow - fromRow) * (toColumn - fromColumn));
                if (double.IsFinite(mean)) _json.WriteRawValue(mean.ToString("G3", System.Globalization.CultureInfo.InvariantCulture), skipInputValidation: true);
                else Number(mean);
            }

            _json.WriteEndArray();
        }

        _json.WriteEndArray();
        _json.WriteEndObject();
    }

    private void WriteAnswers(Quantity quantity)
    {
        if (quantity.Count == 0 || quantity.Rules.Count == 0) return;
        var rows = Rows(quantity);
        if (_json.BytesCommitted + _json.BytesPending > MostBytes) rows = [.. rows.Take(Chosen)];
        var entries = rows.SelectMany(i => Columns(quantity).Select(j => (Row: i, Column: j)));
        if (quantity.Count > MostWhole && quantity.IsMeasured) entries = entries.Concat(QuantitySummary.Of(quantity).Largest.Select(entry => (entry.Row, entry.Column))).Distinct();
        _json.WriteStartObject(quantity.Address);
        foreach (var (i, j) in entries)
        {
            _json.WritePropertyName($"{Numbers.Of(i)},{Numbers.Of(j)}");
            Write(_explanation.Ask(quantity, i, j), byNumber: true);
        }

        _json.WriteEndObject();
    }

    private void Write(Answer answer, bool byNumber)
    {
        _json.WriteStartObject();
        _json.WritePropertyName("value");
        Number(answer.Value);
        if (answer.IsGiven) _json.WriteBoolean("given", true);
        if (answer.Formula is { } formula)
        {
            _json.WritePropertyName("formula");
            if (byNumber) _json.WriteNumberValue(NumberOf(formula));
            else Write(formula);
        }

        if (answer.Numbers is { } numbers)
        {
            var shortened = numbers.Shortened(Terms);
            _json.WritePropertyName("numbers");
            Write(shortened);
            if (!answer.Computed.Equals(answer.Value))
            {
                _json.WritePropertyName("computed");
                Number(answer.Computed);
            }
        }

        if (answer.Influences.Count > 0)
        {
            _json.WriteStartArray("influences");
            foreach (var one in answer.Influences) Write(one);
            _json.WriteEndArray();
        }

        if (!answer.Agrees) _json.WriteBoolean("agrees", false);
        if (answer.Layer is { } layer) _json.WriteString("layer", layer);
        if (answer.IsGeneric) _json.WriteBoolean("generic", true);
        if (answer.Note is { } note) _json.WriteString("note", note);
        _json.WriteEndObject();
    }

    private int NumberOf(Expression formula)
    {
        var known = _formulas.FindIndex(other => ReferenceEquals(other, formula));
        if (known >= 0) return known;
        _formulas.Add(formula);
        return _formulas.Count - 1;
    }

    private void Write(Expression expression)
    {
        switch (expression)
        {
            case Constant constant: Number(constant.Number); break;
            case Entry entry:
                _json.WriteStartArray();
                _json.WriteStringValue("q");
                _json.WriteStringValue(entry.Quantity.Address);
                _json.WriteNumberValue(entry.Row);
                _json.WriteNumberValue(entry.Column);
                if (!Rows(entry.Quantity).Contains(entry.Row) || !Columns(entry.Quantity).Contains(entry.Column)) Number(entry.Value);
                _json.WriteEndArray();
                break;
            case Symbol symbol:
                _json.WriteStartArray();
                _json.WriteStringValue("s");
                _json.WriteStringValue(symbol.Name);
                _json.WriteStringValue(symbol.Indices);
                _json.WriteEndArray();
                break;
            case Addition sum: List("+", sum.All); break;
            case Multiplication product: List("*", product.Factors); break;
            case Negation negation: List("-", [negation.Operand]); break;
            case Quotient quotient: List("/", [quotient.Numerator, quotient.Denominator]); break;
            case Power power: List("^", [power.Base, power.Exponent]); break;
            case Equation equation: List("=", [equation.Left, equation.Right]); break;
            case Function function: List("f", function.Arguments, function.Name); break;
            case SumOver sum: List("sum", [sum.Body], sum.Indices); break;
            case Rest rest:
                _json.WriteStartArray();
                _json.WriteStringValue("rest");
                _json.WriteNumberValue(rest.Count);
                Number(rest.Total);
                _json.WriteEndArray();
                break;
            case LocalDerivative derivative:
                _json.WriteStartArray();
                _json.WriteStringValue("d");
                Write(derivative.Of);
                Write(derivative.By);
                Number(derivative.Number);
                _json.WriteEndArray();
                break;
            case Cases cases:
                _json.WriteStartArray();
                _json.WriteStringValue("cases");
                foreach (var one in cases.All)
                {
                    _json.WriteStartArray();
                    Write(one.Value);
                    if (one.Condition is { } condition) List(condition.Operator, [condition.A, condition.B]);
                    else List("otherwise", []);
                    _json.WriteEndArray();
                }

                _json.WriteEndArray();
                break;
            default: throw new NotSupportedException($"{expression.GetType().Name} is no part of a formula.");
        }
    }

    private void List(string name, IEnumerable<Expression> parts, string? second = null)
    {
        _json.WriteStartArray();
        _json.WriteStringValue(name);
        if (second is not null) _json.WriteStringValue(second);
        foreach (var part in parts) Write(part);
        _json.WriteEndArray();
    }

    private void Number(double value)
    {
        if (!double.IsFinite(value)) _json.WriteStringValue(Numbers.Full(value));
        else if (value == 0 && double.IsNegative(value)) _json.WriteRawValue("-0", skipInputValidation: true);
        else _json.WriteNumberValue(value);
    }

    private void Number(string name, double value)
    {
        _json.WritePropertyName(name);
        Number(value);
    }

    private void Strings(string name, IEnumerable<string> values)
    {
        _json.WriteStartArray(name);
        foreach (var value in values) _json.WriteStringValue(value);
        _json.WriteEndArray();
    }

    private void Integers(string name, IReadOnlyList<int> values)
    {
        _json.WriteStartArray(name);
        foreach (var value in values) _json.WriteNumberValue(value);
        _json.WriteEndArray();
    }

    private int[] Rows(Quantity quantity) => IsWhole(quantity) ? All(quantity.Rows) : OwnerOfRows(quantity) is { } owner ? Units(owner) : All(Math.Min(quantity.Rows, Chosen));

    private int[] Columns(Quantity quantity) => IsWhole(quantity) ? All(quantity.Columns) : Units(OwnerOfColumns(quantity));

    private static bool IsWhole(Quantity quantity) => quantity.Rows <= Whole && quantity.Columns <= Whole && quantity.Count <= MostWhole;

    /// <summary>The units whose values, or else gradients, are largest: the same for everything that has a row or a column for each of them.</summary>
    private int[] Units(Quantity owner)
    {
        if (_units.TryGetValue(owner, out var known)) return known;
        if (owner.Columns <= 2 * Chosen) return _units[owner] = All(owner.Columns);
        var by = owner.Gradient is { IsMeasured: true } gradient && gradient.Columns == owner.Columns ? gradient : owner;
        double Size(int j) => Enumerable.Range(0, by.Rows).Sum(i => by.ValueAt(i, j) is var value && double.IsFinite(value) ? value * value : double.MaxValue);
        return _units[owner] = [.. All(owner.Columns).OrderByDescending(Size).Take(Chosen).Order()];
    }

    private Quantity OwnerOfColumns(Quantity quantity)
    {
        var subject = quantity.Of ?? quantity;
        foreach (var layer in _explanation.Layers)
        {
            if (!layer.Parameters.Contains(subject) && !layer.Definitions.Contains(quantity)) continue;
            if (subject.Rank == 2 && layer.Parameters.Contains(subject) && layer.Input.Columns == subject.Columns) return layer.Input;
            if (layer.Output.Columns == subject.Columns) return layer.Output;
            if (layer.Input.Columns == subject.Columns) return layer.Input;
        }

        return subject;
    }

    private Quantity? OwnerOfRows(Quantity quantity)
    {
        var subject = quantity.Of ?? quantity;
        return _explanation.Layers.FirstOrDefault(layer => layer.Parameters.Contains(subject)) is { } layer && subject.Rank == 2 && layer.Output.Columns == subject.Rows ? layer.Output : null;
    }

    private static int[] All(int count) => [.. Enumerable.Range(0, count)];
}
