// What a program that imports the package is shown on hover, and what is missing there.

/** The words of which one says what it means that something was left out. */
const ABSENCE = /\b(absent|default|without it)\b/i;

/**
 * What the documentation of a package's entries lacks, one text for each gap.
 *
 * - Everything exported has a comment, and so has every member that it leads to.
 * - A function or method has an `@example`, says of each parameter what it is, and, when it returns a promise and nothing else,
 *   what that rejects with. Iteration and disposal are called by the language, and need no example.
 * - What may be left out says what it then is: a word of "default", "without it" or "absent".
 * - A union of texts says what each of them means, in its comment or at the constant of the same name.
 * - No type is out of reach: what an exported declaration refers to is exported, too, and no shape is without a name.
 */
export function gaps(ts, program, folder, entries) {
  const found = new Set();
  const modules = entries.map((entry) => [entry, exportsOf(ts, program, entry)]);
  const everything = new Map(modules.flatMap(([, exports]) => [...exports]));
  const examination = new Examination(ts, program.getTypeChecker(), folder, everything, (gap) => found.add(gap));
  for (const [, exports] of modules) examination.check(exports);
  return [...found];
}

/** What an entry exports, by name. */
export function exportsOf(ts, program, entry) {
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(entry);
  if (!file) throw new Error(`${entry} is not there`);
  const exports = checker.getExportsOfModule(checker.getSymbolAtLocation(file));
  const origin = (symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);
  return new Map(exports.map((symbol) => [symbol.name, origin(symbol)]));
}

/** Looks at what one entry exports after the other. */
class Examination {
  constructor(ts, checker, folder, everything, report) {
    Object.assign(this, { ts, checker, folder, everything, report: (name, gap) => report(`${name}: ${gap}`) });
    this.reachable = new Set(everything.values());
  }

  check(exports) {
    const { SymbolFlags } = this.ts;
    for (const [name, symbol] of exports) {
      this.documented(name, symbol);
      if (symbol.flags & (SymbolFlags.Variable | SymbolFlags.Function)) this.value(name, symbol);
      if (symbol.flags & SymbolFlags.TypeAlias) this.texts(name, symbol);
      if (symbol.flags & (SymbolFlags.Interface | SymbolFlags.Class)) this.members(name, symbol);
      else for (const declaration of symbol.declarations) this.references(name, declaration);
    }
  }

  members(name, symbol) {
    const { checker } = this;
    const type = checker.getDeclaredTypeOfSymbol(symbol);
    // What is inherited of something exported is looked at there.
    const inherited = (member) => member.parent !== symbol && this.reachable.has(member.parent);
    for (const member of type.getProperties()) if (!inherited(member)) this.member(name, member);
    for (const signature of type.getCallSignatures()) this.signature(name, signature);
    if (!(symbol.flags & this.ts.SymbolFlags.Class)) return;
    const constructor = checker.getTypeOfSymbol(symbol);
    for (const member of constructor.getProperties()) {
      if (member.name !== "prototype" && !inherited(member)) this.member(`typeof ${name}`, member);
    }
    for (const signature of constructor.getConstructSignatures()) {
      if (!this.own(signature.declaration) || signature.declaration.parent.symbol !== symbol) continue;
      if (signature.getDocumentationComment(checker).length === 0) this.report(`new ${name}`, "no comment");
      this.parameters(`new ${name}`, signature);
    }
  }

  /** Whether a type can be named by users: it is exported, or is what an exported alias of the same name stands for. */
  isReachable(origin) {
    const named = this.everything.get(origin.name);
    const type = (symbol) => symbol && this.checker.getDeclaredTypeOfSymbol(symbol);
    return this.reachable.has(origin) || (named !== undefined && type(named) === type(origin));
  }

  /** What an import leads to. */
  origin(symbol) {
    return symbol.flags & this.ts.SymbolFlags.Alias ? this.checker.getAliasedSymbol(symbol) : symbol;
  }

  /** Whether something is declared here: not by the language's library, and not in the stead of it. */
  own(node) {
    if (!node?.getSourceFile().fileName.startsWith(this.folder)) return false;
    const { isModuleDeclaration, isPrivateIdentifier, getCombinedModifierFlags, ModifierFlags } = this.ts;
    if (node.name && isPrivateIdentifier(node.name)) return false;
    if (getCombinedModifierFlags(node) & ModifierFlags.Private) return false;
    for (let at = node; at; at = at.parent) if (isModuleDeclaration(at) && at.name.text === "global") return false;
    return true;
  }

  documented(name, symbol) {
    const text = this.ts.displayPartsToString(symbol.getDocumentationComment(this.checker));
    if (text.trim() === "") this.report(name, "no comment");
    return text;
  }

  value(name, symbol) {
    const type = this.checker.getTypeOfSymbol(symbol);
    const isOwnShape = type.symbol?.declarations?.some((each) => this.ts.isTypeLiteralNode(each) && this.own(each));
    if (isOwnShape) for (const member of type.getProperties()) this.member(name, member);
    for (const signature of type.getCallSignatures()) this.signature(name, signature, symbol);
  }

  member(owner, symbol) {
    const declarations = symbol.declarations?.filter((each) => this.own(each)) ?? [];
    if (declarations.length === 0) return;
    const byLanguage = /^__@(\w+)@/.exec(symbol.escapedName)?.[1];
    const name = byLanguage ? `${owner}[${byLanguage}]` : `${owner}.${symbol.name}`;
    const text = this.documented(name, symbol);
    for (const declaration of declarations) this.references(name, declaration);
    if (symbol.flags & this.ts.SymbolFlags.Optional) {
      if (!ABSENCE.test(text)) this.report(name, "does not say what it is when it is left out: a default, without it, absent");
    } else if (!byLanguage) {
      for (const signature of this.checker.getTypeOfSymbol(symbol).getCallSignatures()) this.signature(name, signature, symbol);
    }
  }

  /** A function that users call. One that is the value of a property or a constant is documented there. */
  signature(name, signature, symbol) {
    if (!this.own(signature.declaration)) return;
    const isMethod = !symbol || (symbol.flags & (this.ts.SymbolFlags.Method | this.ts.SymbolFlags.Function)) !== 0;
    const tags = isMethod ? signature.getJsDocTags() : symbol.getJsDocTags(this.checker);
    const tagged = (name) =>
      tags.filter((tag) => tag.name === name).map((tag) => this.ts.displayPartsToString(tag.text).trim());
    const isSilent = signature.getDocumentationComment(this.checker).length === 0;
    if (isMethod && isSilent) this.report(name, "a signature without a comment");
    if (!tagged("example").some(Boolean)) this.report(name, "no @example");
    if (signature.getReturnType().symbol?.name === "Promise" && !tagged("throws").some(Boolean)) {
      this.report(name, "no @throws, although its promise may reject");
    }
    if (isMethod) this.parameters(name, signature);
    else {
      const said = tagged("param").filter((text) => /\s/.test(text)).map((text) => text.split(/\s/)[0]);
      for (const { name: parameter } of signature.getParameters()) {
        if (!said.includes(parameter)) this.report(name, `nothing about the parameter ${parameter}`);
      }
    }
  }

  parameters(name, signature) {
    for (const parameter of signature.getParameters()) {
      const isSilent = parameter.getDocumentationComment(this.checker).length === 0;
      if (isSilent) this.report(name, `nothing about the parameter ${parameter.name}`);
    }
  }

  texts(name, symbol) {
    const type = this.checker.getDeclaredTypeOfSymbol(symbol);
    if (!type.isUnion() || !type.types.every((each) => each.isStringLiteral())) return;
    const text = this.ts.displayPartsToString(symbol.getDocumentationComment(this.checker));
    const constant = symbol.valueDeclaration && this.checker.getTypeOfSymbol(symbol);
    const named = constant?.getProperties().map((each) => this.checker.getTypeOfSymbol(each).value) ?? [];
    for (const { value } of type.types) {
      if (!text.includes(`\`${value}\``) && !named.includes(value)) this.report(name, `does not say what "${value}" means`);
    }
  }

  /** Every type that a declaration names. */
  references(name, node) {
    const { ts, checker } = this;
    const visit = (at) => {
      // What a type inherits is looked at member by member.
      if (ts.isHeritageClause(at)) return;
      // `string & {}` is a string that does not swallow the texts beside it.
      const isShape = ts.isTypeLiteralNode(at) && at.members.length > 0 && !ts.isVariableDeclaration(at.parent);
      if (isShape) this.report(name, `a shape without a name: ${at.getText()}`);
      if (ts.isTypeReferenceNode(at) || ts.isTypeQueryNode(at)) {
        const symbol = checker.getSymbolAtLocation(at.typeName ?? at.exprName);
        const origin = symbol && this.origin(symbol);
        const isParameter = origin && (origin.flags & ts.SymbolFlags.TypeParameter) !== 0;
        const isOwn = !isParameter && origin?.declarations?.some((each) => this.own(each));
        if (isOwn && !this.isReachable(origin)) this.report(name, `refers to ${origin.name}, which is not exported`);
      }
      ts.forEachChild(at, visit);
    };
    if (this.own(node)) visit(node);
  }
}
